"""What each thousand settled machines costs the operator: CPU and memory at none, at 1,000 and at 5,000."""

from tests.bench.cluster import Tell
from tests.bench.figures import Row
from tests.bench.fleet import Load, grow, load, settled
from tests.bench.ground import ground

SIZES = (1_000, 5_000)
MINUTE = 60.0


async def run(tell: Tell) -> list[Row]:
    async with ground(tell, "simulated") as here:
        with here.world.operator() as running:
            running.leading()
            await settled(here, running)
            base = await load(here, running, MINUTE, "no machine")
            loads: dict[int, Load] = {}
            made = 0
            for size in SIZES:
                await grow(here, made, size)
                await settled(here, running)
                loads[size] = await load(here, running, MINUTE, f"{size} settled machines")
                made = size
    return _rows(base, loads)


def _rows(base: Load, loads: dict[int, Load]) -> list[Row]:
    rows = [Row("CPU, no machine", base.cpu, "s/min"), Row("resident, no machine", base.resident, "MiB")]
    for size, found in loads.items():
        rows.append(Row(f"CPU, {size} settled", found.cpu, "s/min", None, "no machine", base.cpu))
        rows.append(Row(f"resident, {size} settled", found.resident, "MiB", None, "no machine", base.resident))
    last = max(loads)
    rows.append(Row("CPU for each thousand", 1000 * (loads[last].cpu - base.cpu) / last, "s/min", 0.3))
    rows.append(Row("resident for each thousand", 1000 * (loads[last].resident - base.resident) / last, "MiB", 8))
    return rows
