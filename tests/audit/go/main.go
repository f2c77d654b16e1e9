// Command verifypack verifies an inquiry pack as anybody could, without Guardrail: the signature over
// its manifest, its files, its checkpoint and every receipt. Arguments: the pack, the log's key.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func check(err error, what string) {
	if err != nil {
		fmt.Printf("WRONG: %s: %v\n", what, err)
		os.Exit(1)
	}
}

func read(path string) []byte {
	data, err := os.ReadFile(path)
	check(err, path)
	return data
}

func decode(text string) []byte {
	data, err := base64.StdEncoding.DecodeString(text)
	check(err, "base64")
	return data
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// open gives the lines of a note that the key signed.
func open(data []byte, key note.Verifier, what string) []string {
	found, err := note.Open(data, note.VerifierList(key))
	check(err, what)
	return strings.Split(found.Text, "\n")
}

func receipt(data []byte, key note.Verifier, want []string, what string) {
	top, checkpoint, _ := bytes.Cut(data, []byte("\n\n"))
	lines := strings.Split(string(top), "\n")
	entry := decode(strings.TrimPrefix(lines[1], "extra "))
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	check(err, what)
	var proof tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		check(err, what)
		proof = append(proof, hash)
	}
	head := open(checkpoint, key, what)
	if strings.Join(head, "\n") != strings.Join(want, "\n") {
		check(fmt.Errorf("another checkpoint"), what)
	}
	size, err := strconv.ParseInt(head[1], 10, 64)
	check(err, what)
	root, err := tlog.ParseHash(head[2])
	check(err, what)
	check(tlog.CheckRecord(proof, size, root, index, tlog.RecordHash(entry)), what)
}

func main() {
	pack := os.Args[1]
	key, err := note.NewVerifier(os.Args[2])
	check(err, "key")
	manifest := read(filepath.Join(pack, "MANIFEST"))
	signed := open(read(filepath.Join(pack, "MANIFEST.note")), key, "MANIFEST.note")
	if signed[1] != "manifest sha256:"+digest(manifest) {
		check(fmt.Errorf("not the one that was signed"), "MANIFEST")
	}
	for _, line := range strings.Split(strings.TrimSpace(string(manifest)), "\n") {
		sum, name, _ := strings.Cut(line, "  ")
		if digest(read(filepath.Join(pack, name))) != sum {
			check(fmt.Errorf("was changed"), name)
		}
	}
	head := open(read(filepath.Join(pack, "evidence", "checkpoint")), key, "checkpoint")
	if signed[2] != "log "+head[1]+" "+head[2] {
		check(fmt.Errorf("another log than the one that was signed"), "checkpoint")
	}
	paths, err := filepath.Glob(filepath.Join(pack, "evidence", "proofs", "*.tlog-proof"))
	check(err, "proofs")
	for _, path := range paths {
		receipt(read(path), key, head, filepath.Base(path))
	}
	fmt.Printf("ok: %d receipts, log of %s entries\n", len(paths), head[1])
}
