"""Every environment there is: which is free for whom, and which has to go."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.lambda_service.admission import throttled
from sandbox.lambda_service.environment import Environment
from sandbox.lambda_service.functions import FunctionVersion, Target
from sandbox.lambda_service.records import Provision, Start
from sandbox.lambda_service.settings import Tunables

_CLOSE_SECONDS = 5.0

Key = tuple[str, str]
"""A function's name, and the version or alias that an allocation is on."""


@dataclass(slots=True, eq=False)
class Allocation:
    """Provisioned concurrency on one version or alias; guarded by the fleet's lock."""

    key: Key
    spec: FunctionVersion
    requested: int
    last_modified: str
    idle: list[Environment] = field(default_factory=list)
    members: set[Environment] = field(default_factory=set)
    failure: str | None = None
    was_ready: bool = False

    def is_ready(self) -> bool:
        """Whether all that was requested has been there at one time."""
        self.was_ready = self.was_ready or len(self.members) >= self.requested
        return self.was_ready


class Fleet:
    """Hands each environment to one caller at a time; one short lock, no waiting under it."""

    def __init__(self, tunables: Tunables, is_current: Callable[[FunctionVersion], bool]) -> None:
        self._tunables = tunables
        self._is_current = is_current
        self.lock = threading.Lock()
        self._emptied = threading.Condition(self.lock)
        self.allocations: dict[Key, Allocation] = {}
        self._idle: dict[FunctionVersion, list[Environment]] = {}
        self._all: set[Environment] = set()
        self._home: dict[Environment, Allocation] = {}
        self._starting = 0
        self._closed = False
        self.on_loss: Callable[[Allocation], None] = lambda allocation: None

    def take(self, target: Target) -> tuple[Environment, Start] | None:
        """An idle environment of that version: a provisioned one first; None asks for a new one."""
        while True:
            with self.lock:
                found = self._pop(target)
            if found is None or found[0].is_alive():
                return found
            self.discard(found[0])

    def _pop(self, target: Target) -> tuple[Environment, Start] | None:
        version = target.version
        for qualifier in (version.version, target.alias):
            allocation = self.allocations.get((version.function, qualifier)) if qualifier else None
            if allocation and allocation.spec == version and allocation.idle:
                return allocation.idle.pop(), "provisioned"
        idle = self._idle.get(version)
        return (idle.pop(), "warm") if idle else None

    def provision(self, target: Target) -> Provision | None:
        """The target's provisioned concurrency as it stands, once it has been all there."""
        version = target.version
        with self.lock:
            for qualifier in (version.version, target.alias):
                found = self.allocations.get((version.function, qualifier)) if qualifier else None
                if found and found.spec == version and found.is_ready():
                    busy = len(found.members) - len(found.idle)
                    return Provision(found.key[1], busy, found.requested)
        return None

    def reserve(self) -> None:
        """Room for one more process; the longest idle one makes it, else TooManyRequests."""
        victim: Environment | None = None
        with self.lock:
            if self._closed:
                raise throttled("ConcurrentInvocationLimitExceeded")
            if len(self._all) + self._starting >= self._tunables.max_environments:
                victim = self._pop_oldest()
                if victim is None:
                    raise throttled("ConcurrentInvocationLimitExceeded")
            self._starting += 1
        if victim is not None:
            self.discard(victim)

    def _pop_oldest(self) -> Environment | None:
        idle = list(itertools.chain.from_iterable(self._idle.values()))
        if not idle:
            return None
        oldest = min(idle, key=lambda environment: environment.idle_since)
        self._remove_idle(oldest)
        return oldest

    def _remove_idle(self, environment: Environment) -> None:
        idle = self._idle[environment.spec]
        idle.remove(environment)
        if not idle:
            del self._idle[environment.spec]

    def unreserve(self) -> None:
        with self.lock:
            self._starting -= 1

    def join(self, environment: Environment) -> None:
        """Count a started process, held by its starter; the reserved room becomes it."""
        with self.lock:
            self._starting -= 1
            self._all.add(environment)
            closed = self._closed
        if closed:
            environment.end()

    def enlist(self, environment: Environment, allocation: Allocation) -> None:
        """Make a held, initialised environment available as one of the allocation's, in one step.

        Were it counted before it is idle, READY would be said while the next request starts cold.
        """
        with self.lock:
            standing = not self._closed and self.allocations.get(allocation.key) is allocation
            standing = standing and len(allocation.members) < allocation.requested
            if standing:
                self._home[environment] = allocation
                allocation.members.add(environment)
                allocation.idle.append(environment)
        if not standing:
            self.discard(environment)

    def give_back(self, environment: Environment) -> None:
        """Make it idle, or end it where its version has changed, gone, or enough wait already."""
        wanted = environment.is_alive() and self._is_current(environment.spec)
        with self.lock:
            wanted = wanted and not self._closed and environment in self._all
            surplus = self._shelve(environment) if wanted else environment
        if surplus is not None:
            self.discard(surplus)

    def _shelve(self, environment: Environment) -> Environment | None:
        """Put it where it is found again; returns the one that is too many."""
        home = self._home.get(environment)
        if home is not None:
            if self.allocations.get(home.key) is not home:
                return environment
            home.idle.append(environment)
            return None
        self._idle.setdefault(environment.spec, []).append(environment)
        if sum(map(len, self._idle.values())) > self._tunables.max_idle:
            return self._pop_oldest()
        return None

    def discard(self, environment: Environment) -> None:
        """End a held environment; a provisioned one is replaced while its allocation stands."""
        with self.lock:
            home = self._home.pop(environment, None)
            if home is not None:
                home.members.discard(environment)
            standing = home is not None and self.allocations.get(home.key) is home
            closed = self._closed
        environment.kill()
        with self.lock:
            self._all.discard(environment)
            self._emptied.notify_all()
        if home is not None and standing and not closed:
            self.on_loss(home)

    def retire(self, unwanted: Callable[[Environment], bool]) -> None:
        """End the idle environments that `unwanted` names; busy ones end when given back."""
        with self.lock:
            candidates = list(itertools.chain.from_iterable(self._idle.values()))
            provisioned = [one for home in self.allocations.values() for one in home.idle]
        for environment in candidates + provisioned:
            if unwanted(environment) and self._withdraw(environment):
                self.discard(environment)

    def _withdraw(self, environment: Environment) -> bool:
        with self.lock:
            home = self._home.get(environment)
            if home is not None and environment in home.idle:
                home.idle.remove(environment)
                return True
            if environment in self._idle.get(environment.spec, ()):
                self._remove_idle(environment)
                return True
            return False

    def upkeep(self) -> None:
        """End what is dead, outdated, or idle for too long."""
        now = time.monotonic()
        current: dict[FunctionVersion, bool] = {}

        def unwanted(environment: Environment) -> bool:
            spec = environment.spec
            if spec not in current:
                current[spec] = self._is_current(spec)
            expired = now - environment.idle_since > self._tunables.idle_seconds
            provisioned = environment in self._home
            return not current[spec] or not environment.is_alive() or (expired and not provisioned)

        self.retire(unwanted)

    def release(self, allocation: Allocation) -> None:
        """Dissolve an allocation; its busy environments end when they are given back."""
        with self.lock:
            if self.allocations.get(allocation.key) is allocation:
                del self.allocations[allocation.key]
            idle, allocation.idle = allocation.idle, []
        for environment in idle:
            self.discard(environment)

    def environments(self) -> list[Environment]:
        with self.lock:
            return sorted(self._all, key=lambda environment: environment.serial)

    def close(self) -> None:
        """End all: idle ones here, busy ones by their holders, who see their process end."""
        with self.lock:
            self._closed = True
            idle = list(itertools.chain.from_iterable(self._idle.values()))
            idle += [one for home in self.allocations.values() for one in home.idle]
            self._idle.clear()
            self.allocations.clear()
            busy = self._all.difference(idle)
        for environment in idle:
            self.discard(environment)
        for environment in busy:
            environment.end()
        with self.lock:
            self._emptied.wait_for(lambda: not self._all, _CLOSE_SECONDS)
