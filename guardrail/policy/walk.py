"""One walk over the rules, strictest first, while some facts are pending or cannot be scanned.

Conditions are bits. A bit *holds*, is *pending* (its facts may still grow, or turn out unscanned),
is *blind* (a fact of it cannot be scanned, so it may hold), or else certainly does not hold.
"""

from __future__ import annotations

from collections.abc import Sequence

from guardrail.policy.effects import Blind
from guardrail.records import Action

Program = Sequence[tuple[int, int, Action, Blind]]
"""For each rule, in rank order: its index, its bits, what it comes to, what it comes to blind."""


class Walk:
    """What the rules come to; an index is -1 where there is none.

    refusal: the rule that refuses. blind: the first that refuses for want of a scan.
    gates, allows: the rules that gate, or allow.
    """

    __slots__ = (
        "_blind_bits",
        "_open_allows",
        "_open_blind",
        "_open_gates",
        "_open_refusals",
        "_pending",
        "allows",
        "blind",
        "gates",
        "refusal",
    )

    def __init__(self, program: Program, holding: int, pending: int, blind: int) -> None:
        self.refusal = self.blind = -1
        self.gates: tuple[int, ...] = ()
        self.allows: tuple[int, ...] = ()
        self._pending = pending
        self._blind_bits = blind
        self._open_refusals = self._open_blind = self._open_gates = self._open_allows = 0
        self._run(program, holding, pending | blind)

    def _run(self, program: Program, holding: int, possible: int) -> None:
        """Walk as far as rules can still matter.

        1. A refusal that holds ends the walk: nothing below outranks it.
        2. A refusal for want of a scan ends it once no rule is left that refuses by itself.
        3. Anything else that holds, or still may, is counted under what it would come to.
        """
        for index, bits, action, sight in program:
            missing = bits & ~holding
            if missing & ~possible:
                continue
            if action is Action.REFUSE:
                if not missing:
                    self.refusal = index
                    return
                self._may_refuse(index, missing, sight)
            elif self.blind >= 0:
                return
            elif sight is Blind.REFUSES:
                self._may_not_allow(index, bits, missing, action)
            else:
                self._may_allow(index, missing, action, sight)

    def _may_refuse(self, index: int, missing: int, sight: Blind) -> None:
        if not missing & ~self._pending:
            self._open_refusals |= missing
        elif sight is Blind.REFUSES and self.blind < 0:
            self._blind_unless(index, missing)

    def _may_not_allow(self, index: int, bits: int, missing: int, action: Action) -> None:
        """A rule that is no refusal, but becomes one while a fact it reads is unscanned.

        It stays one when the rest of the evidence suffices, so evidence never makes it laxer.
        """
        if bits & self._blind_bits:
            self._blind_unless(index, missing)
        elif bits & self._pending:
            self._open_blind |= bits & self._pending
        else:
            self._add(index, action)

    def _blind_unless(self, index: int, missing: int) -> None:
        """Refused for want of a scan, unless a pending bit turns out not to hold."""
        may_fail = missing & ~self._blind_bits
        if may_fail:
            self._open_blind |= may_fail
        else:
            self.blind = index

    def _may_allow(self, index: int, missing: int, action: Action, sight: Blind) -> None:
        if sight is Blind.MATCHES:
            missing &= ~self._blind_bits
        if missing & ~self._pending:
            return
        if not missing:
            self._add(index, action)
        elif action is Action.GATE:
            self._open_gates |= missing
        else:
            self._open_allows |= missing

    def _add(self, index: int, action: Action) -> None:
        if action is Action.GATE:
            self.gates += (index,)
        else:
            self.allows += (index,)

    @property
    def open(self) -> int:
        """The pending bits that can still change what this comes to."""
        if self.refusal >= 0:
            return self._open_refusals
        bits = self._open_refusals | self._open_blind
        if self.blind < 0:
            bits |= self._open_gates
            if not self.gates:
                bits |= self._open_allows
        return bits
