"""All that the sandbox is, in one object that every endpoint is handed."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiohttp import web

from integrations.github.sandbox.deliveries import Deliveries
from integrations.github.sandbox.world import World
from integrations.sandbox.faults import Fault, Faults


def _fault_body(fault: Fault, status: int, path: str) -> object:
    return {"message": fault.message or f"Error {status}", "status": str(status)}


@dataclass(frozen=True)
class Asked:
    """One request that was answered."""

    method: str
    path: str
    query: dict[str, str]
    status: int


@dataclass
class State:
    world: World = field(default_factory=World)
    faults: Faults = field(default_factory=lambda: Faults(_fault_body))
    asked: list[Asked] = field(default_factory=list)
    deliveries: Deliveries = field(init=False)

    def __post_init__(self) -> None:
        self.deliveries = Deliveries(self.world)


STATE = web.AppKey("state", State)
