"""A model of the cache's protocol, small enough to try every order of its steps.

Two readers, two writers (one of them may be a hand edit), a follower, and faults: a writer killed
between commit and invalidation, a follower that dies and comes back, a Redis that forgets a
generation, goes back to an earlier state, is started again from one, answers reads but refuses
writes, or does not answer one of the writers.  Each rule of docs/cache.md can be left out.
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
    a_root_is_valid_in_one_run_of_redis: bool = True
    a_refused_write_waits_for_the_end_of_the_lease: bool = True
    the_lease_is_announced_before_the_question: bool = True
    the_lease_counts_from_the_question: bool = True


@dataclass(frozen=True)
class Scenario:
    """Participants and possible faults."""

    name: str
    by_hand: bool = False
    kill: bool = False
    forget: bool = False
    go_back: bool = False
    restart: bool = False  # of a Redis whose run the readers know
    refuse: bool = False
    cut_off: bool = False  # the writers; their invalidations may come late
    follower_dies: bool = False
    cold: bool = False  # no root yet
    ticks: int = 0
    writers: int = 2


class Redis(NamedTuple):
    """State of Redis: generations, expiry and run of the root, and one entry with its stamps."""

    root: int | None
    expires: int
    root_run: int
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
    asked: tuple[int, int] | None = None  # when, and the number of changes until then


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
    announced: int  # the end of the lease that MongoDB knows
    deadlines: tuple[int, ...]  # of the writers that wait for the end of the lease
    late: tuple[int, ...] = ()  # writers whose invalidation may still come
    run: int = 0  # of Redis
    refuses: bool = False


FAR = 1000
START = Redis(root=1, expires=LEASE, root_run=0, tag=2, entry=None)
COLD = Redis(root=None, expires=0, root_run=0, tag=2, entry=None)


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
        start = State(
            redis=redis,
            earlier=None,
            log=(),
            acknowledged=0,
            readers=readers,
            writers=writers,
            versions=versions,
            follower=Follower(),
            now=0,
            fresh=10,
            faults=0,
            announced=redis.expires,
            deadlines=(0,) * count,
        )
        before = {self._essence(start): None}
        waiting = deque([start])
        while waiting:
            state = waiting.popleft()
            try:
                for label, after in self._steps(state):
                    # Without a reader nothing stale can be answered any more.
                    if after == state or not any(map(_is_active, after.readers)):
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
        if self.scenario.refuse:
            name = "accepts writes again" if state.refuses else "refuses writes"
            yield f"Redis {name}", state._replace(refuses=not state.refuses)
        for number in state.late:
            rest = tuple(other for other in state.late if other != number)
            late = self._renewed(state._replace(late=rest), "tag", 100 + number)
            yield f"the invalidation of writer {number} comes late", late

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
        if redis.root_run != state.run and self.rules.a_root_is_valid_in_one_run_of_redis:
            root = None
        if tag is None:
            root = None  # Redis refuses to store another one.
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
        if tokens and not state.refuses:
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
        if redis.tag is None and not state.refuses:
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
        """The steps of a write; the last one that must come before acknowledges it at once.

        To acknowledge later would only allow readers to see less.
        """
        order, last = ["commit", "renew", "done"], "renew"
        if not self.rules.writes_renew_after_the_commit:
            order, last = ["renew", "commit", "done"], "commit"
        if not self.rules.writes_renew_before_they_are_acknowledged:
            last = "commit"
        step = phase or order[0]
        if step == "waiting":
            yield from self._wait(state, number, name)
        if step in ("done", "killed", "waiting"):
            return
        after, version = state, state.versions[number]
        if step == "renew" and (state.refuses or self.scenario.cut_off):
            yield f"{name}: cannot renew", self._refused(state, number)
        if step == "renew" and state.refuses:
            return
        if step == "commit":
            token = 100 + number  # a random one, of this write alone
            after = state._replace(log=(*state.log, (state.now, token, True)))
            version = len(after.log)
        else:
            after = self._renewed(state, "tag", 100 + number)
        if step == last:
            after = self._acknowledged(after, version)
        following = order[order.index(step) + 1]
        yield f"{name}: {step}", _with_writer(after, number, following, version)
        if self.scenario.kill and not state.faults and state.versions[number]:
            killed = _with_writer(state, number, "killed", version)
            yield f"{name} is killed", killed._replace(faults=1)

    def _acknowledged(self, state, version):
        if state.faults and not self.scenario.restart:
            return state
        return state._replace(acknowledged=max(state.acknowledged, version))

    def _refused(self, state, number):
        """Have a writer wait until the lease has ended that was there at its commit."""
        version = state.versions[number]
        if not self.rules.a_refused_write_waits_for_the_end_of_the_lease:
            return _with_writer(self._acknowledged(state, version), number, "done", version)
        committed, *_ = state.log[version - 1]
        deadline = min(committed + LEASE, state.announced)
        deadlines = (*state.deadlines[:number], deadline, *state.deadlines[number + 1 :])
        late = state.late if state.refuses else (*state.late, number)
        waiting = state._replace(deadlines=deadlines, late=late)
        return _with_writer(waiting, number, "waiting", version)

    def _wait(self, state, number, name):
        version = state.versions[number]
        done = _with_writer(self._acknowledged(state, version), number, "done", version)
        if not state.refuses and not self.scenario.cut_off:
            yield f"{name}: remove", done._replace(redis=state.redis._replace(tag=None))
        follower = state.follower
        has_seen = follower.phase == "following" and follower.position >= version
        if state.now >= state.deadlines[number] or has_seen:
            yield f"{name}: has waited", done

    def _renewed(self, state, what, token=None):
        """Give the tag or the root another token: a random one, or the next number."""
        redis = state.redis
        if not self.rules.tokens_are_random:
            token = (getattr(redis, what) or 0) + 1
        elif token is None:
            token, state = state.fresh, state._replace(fresh=state.fresh + 1)
        changed = {what: token}
        if what == "root":
            changed |= {"expires": state.now + LEASE, "root_run": state.run}
            state = _announced(state)
        return state._replace(redis=redis._replace(**changed))

    # The follower.

    def _follow(self, state):
        follower = state.follower
        order = ["opening", "renewing", "following"]
        if not self.rules.the_stream_is_opened_before_the_root_is_renewed:
            order = ["renewing", "opening", "following"]
        if follower.phase == "dead":
            yield "follower comes back", _with_follower(state, phase=order[0], asked=None)
        elif follower.phase == "opening":
            after = order[order.index("opening") + 1]
            yield (
                "follower opens the stream",
                _with_follower(state, phase=after, position=len(state.log)),
            )
        elif follower.phase == "renewing" and not state.refuses:
            after = order[order.index("renewing") + 1]
            renewed = self._renewed(state, "root")
            yield "follower renews the root", _with_follower(renewed, phase=after, same_redis=True)
        elif follower.position < len(state.log):
            yield self._follow_one(state)
        if follower.phase == "following" and follower.asked is None:
            if self.rules.the_lease_is_announced_before_the_question:
                state = _announced(state)
            asked = (state.now, len(state.log))
            yield "follower asks for the time", _with_follower(state, asked=asked)
        elif follower.phase == "following" and (
            follower.position >= follower.asked[1]
            or not self.rules.the_lease_is_extended_only_when_caught_up
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
        if state.refuses:
            return "follower cannot renew", _with_follower(state, phase="opening", asked=None)
        return "follower renews the tag", self._renewed(after, "tag")

    def _extend(self, state):
        """Extend the lease, or renew the root when it is gone or this is another Redis."""
        broken = not state.follower.same_redis and self.rules.the_root_is_renewed_after_a_break
        if state.refuses:
            return "follower cannot extend", _with_follower(state, phase="opening", asked=None)
        (asked, _), state = state.follower.asked, _with_follower(state, asked=None)
        if self._root(state) is None or broken:
            renewed = self._renewed(state, "root")
            return "follower renews the root", _with_follower(renewed, same_redis=True)
        start = asked if self.rules.the_lease_counts_from_the_question else state.now
        redis = state.redis._replace(expires=start + LEASE)
        return "follower extends the lease", _announced(state._replace(redis=redis), start)

    # Faults of Redis.

    def _fail(self, state):
        if self.scenario.forget and state.redis.tag is not None:
            forgotten = state.redis._replace(tag=None)
            yield "Redis forgets the tag", state._replace(redis=forgotten, faults=1)
        if self.scenario.go_back or self.scenario.restart:
            if state.earlier is None:
                yield "Redis is saved", state._replace(earlier=state.redis)
            else:
                back = state._replace(redis=state.earlier, faults=1)
                if self.scenario.restart:
                    back = back._replace(run=1)
                else:
                    back = back._replace(acknowledged=0)
                yield "Redis goes back", _with_follower(back, same_redis=False)

    def _essence(self, state):
        """Return what of a state can still matter: states with one essence have one future.

        Left out are the past, which of two equal readers or writers is which, and the values of
        random tokens: only whether two are the same.
        """
        redis, earlier, follower = state.redis, state.earlier, state.follower
        if state.faults:
            earlier = None  # Redis goes back once.
        is_dead = follower.phase == "dead"
        writers = self._writers(state)
        names = self._names(state, earlier, writers)
        follows = follower.phase == "following"
        # A stream that is opened begins at its end.
        position = follower.position
        if follower.phase == "opening" or (
            is_dead and self.rules.the_stream_is_opened_before_the_root_is_renewed
        ):
            position = len(state.log)
        asked = None if is_dead else follower.asked
        if asked and asked[1] <= position:
            asked = (asked[0], 0)
        can_be_refused = self.scenario.refuse or self.scenario.cut_off
        return (
            _seen(redis, names, state.now),
            earlier and _seen(earlier, names, state.now),
            self._changes(state, names, position),
            self._floor(state),
            tuple(sorted(_of_reader(reader, names, len(state.log)) for reader in state.readers)),
            tuple((*writer, names.get(100 + number, 0)) for *writer, number in writers),
            (follower.phase, position, follows and follower.same_redis, follower.deaths, asked),
            state.now,
            state.faults,
            max(0, state.announced - state.now) if can_be_refused else 0,
            state.run,
            state.refuses,
        )

    def _writers(self, state):
        """Return the writers in an order that does not depend on their numbers.

        Each is with its number if it is still to set its token.
        """
        writers = []
        for number, phase in enumerate(state.writers):
            by_hand = self.scenario.by_hand and number == len(state.writers) - 1
            is_done, is_late = phase in ("done", "killed"), number in state.late
            version = 0 if is_done else state.versions[number]
            left = max(0, state.deadlines[number] - state.now) if phase == "waiting" else 0
            sets_token = is_late or not (by_hand or is_done or phase == "waiting")
            writers.append((by_hand, phase, version, left, is_late, number if sets_token else -1))
        return sorted(writers)

    def _names(self, state, earlier, writers):
        """Number the tokens that are valid, or may be once more; no other one ever will be."""
        if not self.rules.tokens_are_random:
            return _Itself()  # Numbers in a row are compared and counted on.
        tokens = []
        for redis in (state.redis, earlier) if earlier else (state.redis,):
            tokens += [redis.root if state.now < redis.expires else None, redis.tag]
        tokens += [100 + number for *_, number in writers if number >= 0]
        names = {}
        for token in tokens:
            if token is not None:
                names.setdefault(token, len(names) + 1)
        return names

    def _changes(self, state, names, position):
        """Return the age of each change, and what the follower finds in those to come."""
        last = len(state.log) - 1
        is_copied = self.scenario.by_hand and state.writers[-1] == ""
        changes = []
        for number, (when, token, brought) in enumerate(state.log):
            age = min(LEASE, state.now - when)
            token = names.get(token, 0)
            if number >= position:
                changes.append((age, token, brought))
            else:
                changes.append((age, token if is_copied and number == last else 0))
        return tuple(changes)

    def _way(self, before, state, violation):
        steps = [violation]
        while found := before[self._essence(state)]:
            label, state = found
            steps.append(label)
        return steps[::-1]


class _Itself:
    """Names of tokens that are numbers in a row: each its own."""

    def get(self, token, other):
        return other if token is None else token


def _seen(redis, names, now):
    left = max(0, redis.expires - now)
    root = (names.get(redis.root, 0), redis.root_run) if left else None
    stamps = redis.entry and _valid(redis.entry[:2], names)
    entry = (*stamps, redis.entry[2]) if stamps else None
    return root, left, names.get(redis.tag, 0), entry


def _of_reader(reader, names, count):
    """Return a reader without what it has seen already; ``count`` changes were committed."""
    tokens = (0, 0) if reader.tokens is None else _valid(reader.tokens, names) or (-1, -1)
    value = reader.value if reader.phase == "read" else count
    # A floor that is reached already is reached at the end as well.
    return reader.left, reader.phase, max(0, reader.floor - value), tokens, reader.value


def _valid(tokens, names):
    """Return the names of a root and a tag, or None if they will never be valid again."""
    root, tag = (names.get(token, 0) for token in tokens)
    return (root, tag) if root and tag else None


def _is_active(reader):
    return reader.left or reader.phase


def _with_reader(state, number, reader):
    readers = (*state.readers[:number], reader, *state.readers[number + 1 :])
    return state._replace(readers=readers)


def _with_writer(state, number, phase, version):
    writers = (*state.writers[:number], phase, *state.writers[number + 1 :])
    versions = (*state.versions[:number], version, *state.versions[number + 1 :])
    return state._replace(writers=writers, versions=versions)


def _with_follower(state, **changes):
    return state._replace(follower=state.follower._replace(**changes))


def _announced(state, start=None):
    """Have MongoDB know that a lease may end one lease after its start, which is now by default."""
    end = (state.now if start is None else start) + LEASE
    return state._replace(announced=max(state.announced, end))


def without(rule):
    """Return the rules without one of them."""
    return replace(Rules(), **{rule: False})
