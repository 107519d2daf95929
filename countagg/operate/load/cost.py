"""What a load costs: the model's bill for its steps, and what it takes to watch it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from countagg.core.lazy_dataclass import dataclass
from countagg.operate.cost.countagg import our_bill
from countagg.operate.cost.growth import sizes_of
from countagg.operate.cost.item_sizes import READ_UNIT
from countagg.operate.cost.model import DAY_SECONDS, DEFAULTS, Workload
from countagg.operate.cost.prices import Meter, Prices
from countagg.operate.cost.write_units import rhythm_of, write_units_per_file
from countagg.operate.load.loadtest import LOOK_SECONDS, Load
from countagg.operate.load.schedule import LoadStep
from countagg.provision.settings import StackSettings


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a load takes, by the model.

    Attributes:
        files: how many are uploaded.
        usd: what it costs, watching included.
        units_per_file: write units of a file, in each step.
    """

    files: float
    usd: Decimal
    units_per_file: tuple[float, ...]

    def write_units(self, sent: Sequence[int], in_all: int) -> float:
        """Return the write units of what was sent.

        Args:
            sent: files in each of the steps that ended.
            in_all: files, those of a step that did not end too.
        """
        counts = [*sent, max(0, in_all - sum(sent))]
        return sum(
            count * each
            for count, each in zip(counts, (*self.units_per_file, self.units_per_file[-1]), strict=False)
        )


def estimate(load: Load, drain_seconds: float, prices: Prices, choices: StackSettings = DEFAULTS) -> Estimate:
    """Reckon what a load takes if it is carried out to its end.

    Args:
        load: the load.
        drain_seconds: for which it is watched after its last upload, at most.
        prices: to reckon with.
        choices: of the stack; the defaults if left out.
    """
    layout = choices.layout
    sizes = sizes_of(load.instances, load.counters, layout)
    usd, files, units = Decimal(), 0.0, []
    for step in load.steps:
        work = _workload(load, step)
        usd += our_bill(work, sizes, choices).total(prices)
        files += work.files
        rhythm = rhythm_of(work, sizes, choices)
        units.append(write_units_per_file(sizes, rhythm, load.counters))
    looks = (load.steps[-1].end + drain_seconds) / LOOK_SECONDS
    # One part of each snapshot, and all ledgers, in a transaction if there are several.
    ledgers = sizes.ledger * layout.lanes * layout.shards * (2 if layout.is_split else 1)
    read = Decimal(looks * (load.instances * sizes.snapshot / layout.shards + ledgers) / READ_UNIT)
    usd += read * prices.of[Meter.DYNAMODB_READ].usd + Decimal(looks) * prices.of[Meter.SQS_REQUEST].usd
    return Estimate(files, usd, tuple(units))


def _workload(load: Load, step: LoadStep) -> Workload:
    return Workload(load.instances, load.counters, step.interval, days=step.seconds / DAY_SECONDS, keep_days=30)
