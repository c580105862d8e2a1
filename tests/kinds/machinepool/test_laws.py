"""Whatever happens, in whatever order, and however old a read is: the bounds of PROTOCOLS 10.4 hold after each step."""

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kinds.machinepool.pools import Cluster, pool

from hostwright.kinds.machinepool.decide import Bear, Remove
from hostwright.kinds.machinepool.situation import count
from hostwright.kinds.machinepool.values import Order

POOLS = st.fixed_dictionaries(
    {
        "replicas": st.integers(0, 6),
        "surge": st.integers(0, 3),
        "unavailable": st.integers(0, 2),
        "limit": st.one_of(st.none(), st.integers(0, 8)),
        "order": st.sampled_from(Order),
        "naming": st.sampled_from(["{pool}-{ordinal}", "{pool}-{random}"]),
    }
).filter(lambda wish: wish["surge"] + wish["unavailable"] > 0)


def cluster(wish: dict[str, Any], seed: int) -> Cluster:
    found = Cluster(pool(**wish), random.Random(seed))  # noqa: S311 - a seed that can be told
    found.sync()
    return found


def watched_turn(cluster: Cluster) -> None:
    """One pass, and the bounds around it."""
    seen, rolling = cluster.looked_at(), cluster.rolling()
    live, there, available = len(cluster.live()), len(cluster.there), cluster.available(seen)
    decision = cluster.turn()
    most = seen.wanted + seen.surge
    assert len(cluster.live()) <= max(live, most), "more than replicas + maxSurge"
    if isinstance(decision.step, Bear) and seen.limit is not None:
        assert len(cluster.there) <= max(there, seen.limit), "more than limits.replicas"
    if isinstance(decision.step, Remove) and rolling:
        left = cluster.available(seen)
        assert left >= min(available, seen.floor), "fewer available than replicas - maxUnavailable"


def happen(cluster: Cluster) -> None:
    """Anything that users, machines and watches do."""
    chance = cluster.chance
    match chance.randrange(8):
        case 0:
            cluster.wanted = replace(cluster.wanted, replicas=chance.randrange(7))
        case 1:
            cluster.template += chance.randrange(1, 4)
            cluster.bad = chance.random() < 0.4
        case 2 if cluster.there:
            uid = chance.choice(sorted(cluster.there))
            cluster.there[uid] = replace(cluster.there[uid], ready=chance.choice([False, None]))
        case 3:
            cluster.wanted = replace(cluster.wanted, paused=chance.random() < 0.3)
        case 4 | 5:
            cluster.sync()
        case _:
            cluster.machines_work()


def settle(cluster: Cluster) -> None:
    """Nothing goes wrong any more."""
    cluster.bad = False
    cluster.wanted = replace(cluster.wanted, paused=False)
    for _ in range(200):
        cluster.clock += 30
        cluster.machines_work(all_of_them=True)
        cluster.sync()
        if cluster.turn().step is None and all(each.ready and not each.going for each in cluster.there.values()):
            return
    raise AssertionError(f"no rest: {cluster.there} {cluster.looked_at()}")


@settings(max_examples=150, deadline=None)
@given(POOLS, st.integers(0, 2**32), st.booleans())
def test_no_step_crosses_a_bound_and_it_comes_to_rest(wish: dict[str, Any], seed: int, slow: bool) -> None:
    found = cluster(wish, seed)
    for _ in range(80):
        happen(found)
        if not slow or found.chance.random() < 0.5:
            watched_turn(found)
        found.clock += 1
    settle(found)
    room = found.wanted.limit is None or found.wanted.limit > found.wanted.wanted or found.wanted.unavailable > 0
    assert len(found.live()) == found.wanted.wanted
    assert not room or all(found._change(each) is None for each in found.live())


@settings(max_examples=60, deadline=None)
@given(POOLS, st.integers(0, 2**32))
def test_a_bad_template_breaks_no_more_members_than_the_bounds_allow(wish: dict[str, Any], seed: int) -> None:
    found = cluster({**wish, "limit": None}, seed)
    settle(found)
    found.template, found.bad = found.template + 1, True
    for _ in range(60):
        found.clock += 30
        watched_turn(found)
        found.machines_work()
        if found.chance.random() < 0.5:
            found.sync()
    broken = [each for each in found.live() if found.made_of[each.uid] == found.template]
    situation = found.looked_at()
    assert len(broken) <= situation.surge + situation.unavailable
    assert len(count(situation).available) >= situation.floor
    found.template += 1
    settle(found)
    assert all(each.ready for each in found.live())


@pytest.mark.parametrize("surge", [1, 2])
def test_the_laws_notice_a_pool_that_forgets_what_it_asked_for(surge: int) -> None:
    """Without expectations a stale store makes it bear too many."""
    found = cluster({"replicas": 3, "surge": surge}, 1)
    with pytest.raises(AssertionError, match=r"maxSurge|two members"):
        forgetful(found)


def forgetful(cluster: Cluster) -> None:
    for _ in range(6):
        watched_turn(cluster)
        cluster.expected.births.clear()
