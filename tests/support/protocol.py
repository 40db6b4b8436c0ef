"""A model of the cache's protocol, small enough to try every order of its steps.

Two readers, two writers (one of them may be a hand edit), a follower, and faults: a writer killed
between commit and invalidation, a follower that dies and comes back, a Redis that forgets a
generation or goes back to an earlier state.  Each rule of docs/cache.md can be left out.
"""

from collections import deque
from dataclasses import dataclass, field, replace
from typing import NamedTuple

LEASE = 2  # ticks
READS = (1, 1)  # of each reader


@dataclass(frozen=True)
class Rules:
    """The rules that can be left out, one at a time."""

    tokens_are_read_before_mongodb: bool = True
    writes_renew_after_the_commit: bool = True
    writes_renew_before_they_are_acknowledged: bool = True
    tokens_are_random: bool = True
    the_change_itself_brought_the_token: bool = True
    the_follower_renews_what_others_wrote: bool = True
    the_lease_is_extended_only_when_caught_up: bool = True
    the_stream_is_opened_before_the_root_is_renewed: bool = True
    the_root_is_renewed_after_a_break: bool = True
    without_a_root_nothing_is_cached: bool = True


@dataclass(frozen=True)
class Scenario:
    """Participants and possible faults."""

    name: str
    by_hand: bool = False
    kill: bool = False
    forget: bool = False
    go_back: bool = False
    follower_dies: bool = False
    cold: bool = False  # no root yet
    ticks: int = 0
    writers: int = 2


class Redis(NamedTuple):
    """State of Redis: generations, expiry of the root, and one entry with its stamps."""

    root: int | None
    expires: int
    tag: int | None
    entry: tuple[int, int, int] | None


class Reader(NamedTuple):
    left: int
    phase: str = ""
    floor: int = 0
    tokens: tuple[int, int] | None = None
    value: int = 0


class Follower(NamedTuple):
    phase: str = "following"  # or: dead, renewing, opening
    position: int = 0
    same_redis: bool = True
    deaths: int = 0


class State(NamedTuple):
    redis: Redis
    earlier: Redis | None
    log: tuple[tuple[int, int, bool], ...]  # when, the token in the document, whether it is new
    acknowledged: int
    readers: tuple[Reader, ...]
    writers: tuple[str, ...]
    versions: tuple[int, ...]
    follower: Follower
    now: int
    fresh: int  # the next random token
    faults: int


FAR = 1000
START = Redis(root=1, expires=LEASE, tag=2, entry=None)
COLD = Redis(root=None, expires=0, tag=2, entry=None)


class Violation(Exception):
    """A read was answered with less than it had to see."""


@dataclass
class Model:
    """All states that can be reached; ``explore`` finds the shortest way to a violation."""

    scenario: Scenario
    rules: Rules = field(default_factory=Rules)

    def explore(self):
        """Return the steps to a violation, or None, and the number of states seen."""
        redis = COLD if self.scenario.cold else START
        readers, count = tuple(map(Reader, READS)), self.scenario.writers
        writers, versions = ("",) * count, (0,) * count
        start = State(redis, None, (), 0, readers, writers, versions, Follower(), 0, 10, 0)
        before = {self._essence(start): None}
        waiting = deque([start])
        while waiting:
            state = waiting.popleft()
            try:
                for label, after in self._steps(state):
                    if after == state:
                        continue
                    if (essence := self._essence(after)) not in before:
                        before[essence] = (label, state)
                        waiting.append(after)
            except Violation as violation:
                return self._way(before, state, str(violation)), len(before)
        return None, len(before)

    def _steps(self, state):
        yield from self._read(state)
        yield from self._write(state)
        yield from self._follow(state)
        if state.now < self.scenario.ticks:
            yield "time passes", state._replace(now=state.now + 1)
        if state.faults == 0:
            yield from self._fail(state)

    # Readers.

    def _read(self, state):
        for number, reader in enumerate(state.readers):
            name = f"reader {number}"
            if reader.phase == "" and reader.left:
                floor = self._floor(state)
                yield from self._look(state, number, reader._replace(floor=floor))
            elif reader.phase == "looked":
                read = reader._replace(phase="read", value=len(state.log))
                yield f"{name} reads MongoDB", _with_reader(state, number, read)
            elif reader.phase == "read":
                yield from self._fill(state, number, reader)

    def _look(self, state, number, reader):
        """One look at the entry and its generations; missing ones are made."""
        state = self._with_generations(state)
        redis = state.redis
        root, tag = self._root(state), redis.tag
        if root is not None and redis.entry and redis.entry[:2] == (root, tag):
            self._answer(reader, redis.entry[2])
            yield f"reader {number} hits", _with_reader(state, number, Reader(reader.left - 1))
        else:
            tokens = None if root is None else (root, tag)
            looked = reader._replace(phase="looked", tokens=tokens)
            yield f"reader {number} misses", _with_reader(state, number, looked)

    def _fill(self, state, number, reader):
        self._answer(reader, reader.value)
        tokens = reader.tokens
        if not self.rules.tokens_are_read_before_mongodb:
            state = self._with_generations(state)
            root = self._root(state)
            tokens = None if root is None else (root, state.redis.tag)
        redis = state.redis
        if tokens:
            redis = redis._replace(entry=(*tokens, reader.value))
        after = state._replace(redis=redis)
        yield f"reader {number} fills", _with_reader(after, number, Reader(reader.left - 1))

    def _floor(self, state):
        """Return the oldest state that a read starting now may see."""
        old = [n for n, (when, *_) in enumerate(state.log, 1) if state.now - when >= LEASE]
        return max(state.acknowledged, *old, 0)

    def _answer(self, reader, value):
        if value < reader.floor:
            raise Violation(f"version {value} is answered where {reader.floor} must be seen")

    def _root(self, state):
        redis = state.redis
        return redis.root if redis.root is not None and state.now < redis.expires else None

    def _with_generations(self, state):
        redis = state.redis
        if redis.tag is None:
            state = self._renewed(state, "tag")
        if self._root(state) is None and not self.rules.without_a_root_nothing_is_cached:
            state = self._renewed(state, "root")
            state = state._replace(redis=state.redis._replace(expires=FAR))
        return state

    # Writers.  The second one may be a hand edit: a commit, and nothing else.

    def _write(self, state):
        for number, phase in enumerate(state.writers):
            by_hand = self.scenario.by_hand and number == len(state.writers) - 1
            name = "hand edit" if by_hand else f"writer {number}"
            if by_hand and phase == "":
                old = state.log[-1][1] if state.log else 0
                after = state._replace(log=(*state.log, (state.now, old, False)))
                yield f"{name} commits", _with_writer(after, number, "done", 0)
            elif not by_hand:
                yield from self._write_by_api(state, number, phase, name)

    def _write_by_api(self, state, number, phase, name):
        order = ["commit", "renew", "acknowledge", "done"]
        if not self.rules.writes_renew_after_the_commit:
            order = ["renew", "commit", "acknowledge", "done"]
        if not self.rules.writes_renew_before_they_are_acknowledged:
            order = ["commit", "acknowledge", "renew", "done"]
        step = phase or order[0]
        if step in ("done", "killed"):
            return
        after, version = state, state.versions[number]
        if step == "commit":
            token = 100 + number  # a random one, of this write alone
            after = state._replace(log=(*state.log, (state.now, token, True)))
            version = len(after.log)
        elif step == "renew":
            after = self._renewed(state, "tag", 100 + number)
        elif not state.faults:
            after = state._replace(acknowledged=max(state.acknowledged, version))
        following = order[order.index(step) + 1]
        yield f"{name}: {step}", _with_writer(after, number, following, version)
        if self.scenario.kill and not state.faults and state.versions[number]:
            killed = _with_writer(state, number, "killed", version)
            yield f"{name} is killed", killed._replace(faults=1)

    def _renewed(self, state, what, token=None):
        """Give the tag or the root another token: a random one, or the next number."""
        redis = state.redis
        if not self.rules.tokens_are_random:
            token = (getattr(redis, what) or 0) + 1
        elif token is None:
            token, state = state.fresh, state._replace(fresh=state.fresh + 1)
        changed = {what: token} | ({"expires": state.now + LEASE} if what == "root" else {})
        return state._replace(redis=redis._replace(**changed))

    # The follower.

    def _follow(self, state):
        follower = state.follower
        order = ["opening", "renewing", "following"]
        if not self.rules.the_stream_is_opened_before_the_root_is_renewed:
            order = ["renewing", "opening", "following"]
        if follower.phase == "dead":
            yield "follower comes back", _with_follower(state, phase=order[0])
        elif follower.phase == "opening":
            after = order[order.index("opening") + 1]
            yield (
                "follower opens the stream",
                _with_follower(state, phase=after, position=len(state.log)),
            )
        elif follower.phase == "renewing":
            after = order[order.index("renewing") + 1]
            renewed = self._renewed(state, "root")
            yield "follower renews the root", _with_follower(renewed, phase=after, same_redis=True)
        elif follower.position < len(state.log):
            yield self._follow_one(state)
        caught_up = follower.position == len(state.log)
        if follower.phase == "following" and (
            caught_up or not self.rules.the_lease_is_extended_only_when_caught_up
        ):
            yield self._extend(state)
        if self.scenario.follower_dies and follower.phase == "following" and not follower.deaths:
            yield "follower dies", _with_follower(state, phase="dead", deaths=1)

    def _follow_one(self, state):
        _, token, brought = state.log[state.follower.position]
        after = _with_follower(state, position=state.follower.position + 1)
        known = brought or not self.rules.the_change_itself_brought_the_token
        if not self.rules.the_follower_renews_what_others_wrote:
            return "follower ignores a change", after
        if known and token and state.redis.tag == token:
            return "follower skips a change", after
        return "follower renews the tag", self._renewed(after, "tag")

    def _extend(self, state):
        """Extend the lease, or renew the root when it is gone or this is another Redis."""
        broken = not state.follower.same_redis and self.rules.the_root_is_renewed_after_a_break
        if self._root(state) is None or broken:
            renewed = self._renewed(state, "root")
            return "follower renews the root", _with_follower(renewed, same_redis=True)
        redis = state.redis._replace(expires=state.now + LEASE)
        return "follower extends the lease", state._replace(redis=redis)

    # Faults of Redis.

    def _fail(self, state):
        if self.scenario.forget and state.redis.tag is not None:
            forgotten = state.redis._replace(tag=None)
            yield "Redis forgets the tag", state._replace(redis=forgotten, faults=1)
        if self.scenario.go_back:
            if state.earlier is None:
                yield "Redis is saved", state._replace(earlier=state.redis)
            elif state.earlier != state.redis:
                back = state._replace(redis=state.earlier, acknowledged=0, faults=1)
                yield "Redis goes back", _with_follower(back, same_redis=False)

    def _essence(self, state):
        """Return a state without the values of its random tokens and without its past."""
        names = {None: None, 0: 0}

        def name(token):
            # Numbers in a row are compared and counted on; random ones are only compared.
            return names.setdefault(token, len(names)) if self.rules.tokens_are_random else token

        def seen(redis):
            entry = redis.entry and (name(redis.entry[0]), name(redis.entry[1]), redis.entry[2])
            left = max(0, redis.expires - state.now)
            return name(redis.root) if left else None, left, name(redis.tag), entry

        def read(reader):
            tokens = reader.tokens and tuple(map(name, reader.tokens))
            return (*reader[:3], tokens, reader.value)

        writers = tuple(zip(state.writers, state.versions, strict=True))
        position = state.follower.position
        return (
            seen(state.redis),
            state.earlier and seen(state.earlier),
            tuple(
                (min(LEASE, state.now - when), name(token) if n >= position - 1 else 0, brought)
                for n, (when, token, brought) in enumerate(state.log)
            ),
            state.acknowledged,
            # Readers do the same, so which is which does not matter.
            tuple(sorted(map(read, state.readers), key=hash)),
            # A token a writer is still to set is as it is named by its number.
            tuple((phase, version, name(100 + n)) for n, (phase, version) in enumerate(writers)),
            state.follower,
            state.now,
            state.faults,
        )

    def _way(self, before, state, violation):
        steps = [violation]
        while found := before[self._essence(state)]:
            label, state = found
            steps.append(label)
        return steps[::-1]


def _with_reader(state, number, reader):
    readers = (*state.readers[:number], reader, *state.readers[number + 1 :])
    return state._replace(readers=readers)


def _with_writer(state, number, phase, version):
    writers = (*state.writers[:number], phase, *state.writers[number + 1 :])
    versions = (*state.versions[:number], version, *state.versions[number + 1 :])
    return state._replace(writers=writers, versions=versions)


def _with_follower(state, **changes):
    return state._replace(follower=state.follower._replace(**changes))


def without(rule):
    """Return the rules without one of them."""
    return replace(Rules(), **{rule: False})
