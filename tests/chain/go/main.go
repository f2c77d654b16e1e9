// Command crosscheck holds our evidence against golang.org/x/mod/sumdb: it reads one JSON document
// from standard input, checks everything in it with note and tlog, and answers with JSON.
package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type proof struct {
	Old, New, Index int64
	Hashes          []string
	Bad             bool
}

type question struct {
	VKey, SKey, Witness, Text string
	Witnesses                 []string
	Entries                   []string
	Notes                     []struct {
		Note       string
		Signatures int
		Bad        bool
	}
	Inclusion, Consistency []proof
	Tiles                  map[string]string
}

type answer struct {
	Failures []string
	Checked  int
	Note     string
	Proofs   []proof
}

type tree struct{ stored []tlog.Hash }

func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, index := range indexes {
		out = append(out, t.stored[index])
	}
	return out, nil
}

// tiles reads C2SP tiles, whose paths lack the height that sumdb puts into its own.
type tiles map[string]string

func (tiles) Height() int { return 8 }

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, tile := range wanted {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		encoded, ok := t[path]
		if !ok {
			return nil, fmt.Errorf("no tile %s", path)
		}
		out = append(out, bytes64(encoded))
	}
	return out, nil
}

func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}

const cosignatureV1 = 0x04

// cosigner checks cosignature/v1 (C2SP tlog-cosignature), which sumdb does not know.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

// newCosigner reads name+hash+base64, and believes the hash only if it is that of name and key.
func newCosigner(vkey string) cosigner {
	parts := strings.SplitN(vkey, "+", 3)
	hash, err := strconv.ParseUint(parts[1], 16, 32)
	must(err)
	key := bytes64(parts[2])
	if len(key) != 1+ed25519.PublicKeySize || key[0] != cosignatureV1 {
		must(fmt.Errorf("%s is no key for cosignature/v1", parts[0]))
	}
	told := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	if binary.BigEndian.Uint32(told[:]) != uint32(hash) {
		must(fmt.Errorf("%s has another hash than its name and key", parts[0]))
	}
	return cosigner{parts[0], uint32(hash), ed25519.PublicKey(key[1:])}
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.hash }
func (c cosigner) Verify(text, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	at := binary.BigEndian.Uint64(sig)
	if at > math.MaxInt64 {
		return false
	}
	message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", at, text)
	return ed25519.Verify(c.key, []byte(message), sig[8:])
}

func main() {
	var ask question
	must(json.NewDecoder(os.Stdin).Decode(&ask))
	told := &answer{}
	grown := grow(ask.Entries)
	size := int64(len(ask.Entries))
	root := func(n int64) tlog.Hash {
		hash, err := tlog.TreeHash(n, grown)
		must(err)
		return hash
	}
	verifier, err := note.NewVerifier(ask.VKey)
	must(err)
	verifiers := []note.Verifier{verifier}
	for _, vkey := range append(ask.Witnesses, ask.Witness) {
		if vkey != "" {
			verifiers = append(verifiers, newCosigner(vkey))
		}
	}
	for _, item := range ask.Notes {
		opened, err := note.Open([]byte(item.Note), note.VerifierList(verifiers...))
		if err == nil && len(opened.Sigs) != item.Signatures {
			err = fmt.Errorf("%d good signatures", len(opened.Sigs))
		}
		if err == nil && strings.Count(opened.Text, "\n") == 3 {
			var origin, b64 string
			var n int64
			_, err = fmt.Sscanf(opened.Text, "%s\n%d\n%s\n", &origin, &n, &b64)
			if err == nil && b64 != root(n).String() {
				err = fmt.Errorf("root at %d is %s, not %s", n, root(n), b64)
			}
		}
		told.check("note", err, item.Bad)
	}
	for _, p := range ask.Inclusion {
		leaf := tlog.RecordHash(bytes64(ask.Entries[p.Index]))
		told.check("inclusion", tlog.CheckRecord(hashes(p), p.New, root(p.New), p.Index, leaf), p.Bad)
	}
	for _, p := range ask.Consistency {
		err := tlog.CheckTree(hashes(p), p.New, root(p.New), p.Old, root(p.Old))
		told.check("consistency", err, p.Bad)
	}
	reader := tlog.TileHashReader(tlog.Tree{N: size, Hash: root(size)}, tiles(ask.Tiles))
	for index := int64(0); index < size; index += 97 {
		found, err := tlog.ProveRecord(size, index, reader)
		told.check("tiles", err, false)
		told.Proofs = append(told.Proofs, proof{Index: index, New: size, Hashes: texts(found)})
	}
	signer, err := note.NewSigner(ask.SKey)
	must(err)
	signed, err := note.Sign(&note.Note{Text: ask.Text}, signer)
	must(err)
	told.Note = string(signed)
	must(json.NewEncoder(os.Stdout).Encode(told))
}

func (a *answer) check(what string, err error, bad bool) {
	a.Checked++
	if (err != nil) != bad {
		a.Failures = append(a.Failures, fmt.Sprintf("%s %d: bad=%v err=%v", what, a.Checked, bad, err))
	}
}

func grow(entries []string) *tree {
	t := &tree{}
	for n, entry := range entries {
		more, err := tlog.StoredHashes(int64(n), bytes64(entry), t)
		must(err)
		t.stored = append(t.stored, more...)
	}
	return t
}

func hashes(p proof) []tlog.Hash {
	out := []tlog.Hash{}
	for _, text := range p.Hashes {
		hash, err := tlog.ParseHash(text)
		must(err)
		out = append(out, hash)
	}
	return out
}

func texts(found []tlog.Hash) []string {
	out := []string{}
	for _, hash := range found {
		out = append(out, hash.String())
	}
	return out
}

func bytes64(text string) []byte {
	data, err := base64.StdEncoding.DecodeString(text)
	must(err)
	return data
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
