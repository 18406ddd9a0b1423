# SPDX-License-Identifier: Apache-2.0
"""From one configuration to the next, and back if the next does not serve."""

import dataclasses
from collections.abc import Callable

import botocore.exceptions

from deploy.rollout import probe
from deploy.rollout.outcome import Mismatch, Outcome, Refused, Silent, report
from deploy.rollout.stacks import Configuration, Stack, State


@dataclasses.dataclass(frozen=True)
class Limits:
    update_s: float  # For an update; then it is cancelled.
    rollback_s: float  # For going back; then a person is needed.
    patience_s: float  # For an endpoint to answer a golden photo.


@dataclasses.dataclass(frozen=True)
class Rollout:
    stack: Stack
    endpoint_of: Callable[[State], probe.Endpoint]
    goldens: list[probe.Golden]
    limits: Limits

    def run(self, wanted: Configuration, *, replace: bool = False) -> Outcome:
        """Brings the stack to `wanted`. Nothing is changed before this has checked what it can."""
        before = self.stack.check_usable()
        old = self.stack.configuration() if before.exists else None
        change_set = self._proposed(wanted, replace)
        if change_set is None:
            report("nothing changes")
            return self._verdict_without_change()
        try:
            return self._change(change_set, old)
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            report(f"failed: AWS does not answer: {error}. What was begun goes on; look at stack "
                   f"{self.stack.name}")
            return Outcome.NEEDS_A_PERSON

    def _change(self, change_set: str, old: Configuration | None) -> Outcome:
        token = self.stack.execute(change_set)
        after = self.stack.await_end(self.limits.update_s)
        if after is None:
            return self._stuck(token, is_new=old is None)
        if after.status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            cause = self.stack.cause(token)
            return self._after_rollback(after, f"the update was rolled back: {cause}")
        try:
            self._check_goldens(after)
        except (Mismatch, Silent) as problem:
            return self._undo(old, f"bad model: {problem}")
        report(f"{self.stack.name} serves; {len(self.goldens)} golden photos came out right")
        return Outcome.SERVES

    def preview(self, wanted: Configuration) -> Outcome:
        """Shows what run() would change, and leaves no trace."""
        self.stack.check_usable()
        change_set = self.stack.propose(wanted)
        if change_set is None:
            report("nothing changes")
        else:
            for name in self.stack.interruptions(change_set):
                report(f"{name} would be replaced: requests fail meanwhile")
            self.stack.withdraw(change_set)
        return Outcome.SERVES

    def verify(self) -> Outcome:
        return self._verdict_without_change()

    def _proposed(self, wanted: Configuration, replace: bool) -> str | None:
        change_set = self.stack.propose(wanted)
        if change_set and not replace:
            if interrupted := self.stack.interruptions(change_set):
                self.stack.withdraw(change_set)
                raise Refused(f"{', '.join(interrupted)} would be replaced, and requests fail "
                              "meanwhile; --replace permits it")
        return change_set

    def _verdict_without_change(self) -> Outcome:
        state = self.stack.state()
        if not state.exists:
            raise Refused(f"there is no stack {self.stack.name}")
        try:
            self._check_goldens(state)
        except (Mismatch, Silent) as problem:
            report(f"it does not serve: {problem}")
            return Outcome.NEEDS_A_PERSON
        report(f"{self.stack.name} serves; {len(self.goldens)} golden photos came out right")
        return Outcome.SERVES

    def _stuck(self, token: str, is_new: bool) -> Outcome:
        cause = (f"stuck: {self.stack.unfinished(token)} not done within "
                 f"{self.limits.update_s:.0f} s")
        if is_new:
            report(f"{cause}; removing it")
            gone = self.stack.delete(self.limits.rollback_s)
            if gone is None or gone.exists:
                return self._give_up(cause)
            report(f"failed: {cause}; nothing is left of {self.stack.name}")
            return Outcome.ROLLED_BACK
        report(f"{cause}; cancelling it")
        self.stack.cancel()
        after = self.stack.await_end(self.limits.rollback_s)
        return self._give_up(cause) if after is None else self._after_rollback(after, cause)

    def _undo(self, old: Configuration | None, cause: str) -> Outcome:
        """The update itself went well, and is not what was wanted."""
        if old is None:
            report(f"failed: {cause}; nothing served before. The new stack is left to be looked "
                   "at; python3 -m deploy.rollout down removes it")
            return Outcome.NEEDS_A_PERSON
        report(f"{cause}; going back")
        change_set = self.stack.propose(old)
        if change_set is None:  # Only what the stack does not hold differs: S3's objects, say.
            return self._give_up(f"{cause}; the old configuration is no other")
        self.stack.execute(change_set)
        after = self.stack.await_end(self.limits.rollback_s)
        return self._give_up(cause) if after is None else self._after_rollback(after, cause)

    def _after_rollback(self, state: State, cause: str) -> Outcome:
        """What is there now must answer; a new photo may be unknown to the old model."""
        if state.status == "ROLLBACK_COMPLETE":
            report(f"failed: {cause}; nothing of {self.stack.name} is left but its events")
            return Outcome.ROLLED_BACK
        if state.status not in ("UPDATE_ROLLBACK_COMPLETE", "UPDATE_COMPLETE"):
            return self._give_up(f"{cause}; stack is {state.status}: {state.reason}")
        try:
            self._check_goldens(state)
            answer = "knows the golden photos"
        except Mismatch as problem:
            answer = f"answers ({problem})"
        except Silent as problem:
            return self._give_up(f"{cause}; the old configuration is back, but {problem}")
        report(f"failed: {cause}; the old configuration serves and {answer}")
        return Outcome.ROLLED_BACK

    def _give_up(self, cause: str) -> Outcome:
        state = self.stack.state()
        report(f"failed: {cause}; stack {self.stack.name} is {state.status or 'gone'}. Look at it "
               "now: nobody does anything further")
        return Outcome.NEEDS_A_PERSON

    def _check_goldens(self, state: State) -> None:
        if self.goldens:
            probe.check(self.endpoint_of(state), self.goldens, self.limits.patience_s)
