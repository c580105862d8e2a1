"""What a seed draws: each has its own subset of faults, so that none hides another for good."""

import random
from dataclasses import dataclass

#: Every fault there is, each with the chance that a seed has it.
FAULTS = {
    "crash": 0.5,  # an operator dies at a request, at any place of its way
    "lost": 0.5,  # a request is carried out and its reply lost
    "cut": 0.4,  # the connection of a request breaks, and it is carried out later all the same
    "late": 0.4,  # by many seconds, as the requests of a dead operator
    "slow": 0.4,  # requests take seconds
    "fails": 0.35,  # a 5xx in place of an answer, carried out or not
    "odd answers": 0.3,  # reads are answered with 401, 403, a proxy's 404, 5xx, or not at all
    "stop": 0.35,  # an operator stands still, and goes on
    "end": 0.25,  # an operator is told to end, as at each new version of it
    "log in": 0.25,  # the Provider is edited, so that the operator begins a session anew
    "conflict": 0.3,  # a write is refused as stale
    "api away": 0.35,  # the API server does not answer for a while
    "old watch": 0.4,  # a watch shows things seconds late
    "deaf watch": 0.35,  # a watch loses everything for a while, then lists anew
    "twice": 0.3,  # a watch shows an event twice
    "site away": 0.35,
    "lists lag": 0.4,  # lists show things seconds late
    "short pages": 0.3,
    "builds fail": 0.35,
    "builds hang": 0.2,
    "builds slow": 0.15,
    "quota": 0.25,
    "power": 0.5,  # somebody presses the button
    "retag": 0.4,  # somebody changes tags on the site
    "unmark": 0.25,  # somebody takes our mark off
    "vanish": 0.25,  # somebody deletes a machine on the site
    "clone": 0.3,  # somebody copies a machine with our mark on it
    "twin": 0.12,  # the same under the same name, which only its time tells from ours
    "copy": 0.3,  # somebody applies a copy of an object, machine id and all
    "strip": 0.25,  # somebody takes our finalizer off by hand
    "restore": 0.3,  # an object comes back from a backup
    "wipe": 0.25,  # a status is lost
    "squat": 0.15,  # somebody has a machine of the name that ours will have
    "skew": 0.25,  # the operators' clocks differ from the site's and each other's by up to 50 s
    "pause": 0.3,
    "retain": 0.3,
}
#: Drawn apart, so that the seeds of before it are as they were.
APART_FAULTS = {
    "forge": 0.2  # somebody writes another object's machine into a status
}
#: What else may be asked for.
WORDS = {"fenced", "unfenced", "operators", "pool", "metal", "upkeep", "anew", "openstack"}
#: Where both come together nothing leads to the machine any more: no operator could know it.
APART = (
    ("unmark", "wipe"),
    ("unmark", "restore"),
    ("unmark", "strip"),
    ("unmark", "copy"),
    ("twin", "wipe"),
    ("twin", "restore"),
)


@dataclass(frozen=True, slots=True)
class Drawn:
    seed: int
    faults: frozenset[str]
    operators: int
    fenced: bool  # the site refuses a second machine of one name
    names: tuple[str, ...]
    span: float  # seconds of trouble
    acts: int
    rate: float  # the chance that a request is struck
    lists_lag: float  # seconds
    watch_lag: float  # seconds at most
    late: float  # seconds at most
    slow: float  # seconds at most, one way
    pool: bool = False  # there is a MachinePool
    metal: bool = False  # there are servers in a rack
    upkeep: bool = False  # what somebody else deletes is made again, and labels are tags
    anew: bool = False  # other keys make another machine
    openstack: bool = False  # machines are on a cloud, behind the real OpenStack provider
    often: tuple[str, ...] = ()  # what people do as often as all the rest


def draw(seed: int, directed: frozenset[str] | None = None) -> Drawn:
    """`directed`: these faults and no others, and deeds of people that are done often.

    `fenced`, `unfenced` and `operators` among them say what they say.
    """
    rng = random.Random(seed)  # noqa: S311 - a seed is to be played again
    faults = {name for name, chance in FAULTS.items() if rng.random() < chance}
    if directed is not None:
        faults = set(directed & {*FAULTS, *APART_FAULTS})
    else:
        faults |= {name for name, chance in APART_FAULTS.items() if _beside(name, seed, None, chance)}
    wish = directed or frozenset()
    for one, other in APART:
        if {one, other} <= faults:
            faults.discard(rng.choice((one, other)))
    openstack = _beside("openstack", seed, directed, 0.2)
    return Drawn(
        seed=seed,
        faults=frozenset(faults),
        operators=rng.choice((2, 3) if "operators" in wish else (1, 1, 1, 2, 2, 3)),
        fenced="unfenced" not in wish and ("fenced" in wish or rng.random() < 0.4),
        names=("web", "db", "ci")[: rng.choice((1, 2, 2, 3))],
        span=rng.choice((30.0, 60.0, 150.0)) if "twin" not in faults else 500.0,
        acts=rng.randint(3, 22),
        rate=rng.choice((0.03, 0.1, 0.25)) if directed is None else 0.25,
        lists_lag=rng.choice((1.0, 4.0, 10.0, 40.0)) if "lists lag" in faults else 0.0,
        watch_lag=rng.choice((0.5, 4.0, 15.0)) if "old watch" in faults else 0.002,
        late=rng.choice((3.0, 12.0, 25.0)) if "late" in faults else 0.0,
        slow=rng.choice((0.5, 3.0)) if "slow" in faults else 0.005,
        pool=_beside("pool", seed, directed, 0.3),
        metal=_beside("metal", seed, directed, 0.3),
        upkeep=_beside("upkeep", seed, directed, 0.3),
        anew=_beside("anew", seed, directed, 0.3) and not openstack,  # the keys stand in user data there
        openstack=openstack,
        often=tuple(sorted(wish - {*FAULTS, *APART_FAULTS} - WORDS)),
    )


def _beside(what: str, seed: int, directed: frozenset[str] | None, chance: float) -> bool:
    """Drawn apart, so that what a seed has beside it changes none of its other draws."""
    if directed is not None:
        return what in directed
    return random.Random(f"{what}/{seed}").random() < chance  # noqa: S311
