"""The pass over one machine: what a failed build, a refusal, a lost status or a deletion leaves."""

from tests.engine.review_place import Place, machine

from hostwright.kinds.virtualmachine.port import Life


async def test_a_failed_build_is_made_again_only_after_the_back_off_of_capacity() -> None:
    place = Place()
    await place.run(5, lambda: place.backend.made == 1)
    place.backend.found = machine(Life.FAILED, "m-1")
    await place.run(30)
    assert place.backend.calls == ["create_server", "delete_server"]
    assert place.status["operation"]["nextRetryAt"]
    assert (place.condition("Reconciling") or {})["reason"] == "BuildFailed"
    await place.run(60, lambda: place.backend.made == 2)
    assert place.backend.made == 2
    assert place.status["operation"]["attempt"] == 2
