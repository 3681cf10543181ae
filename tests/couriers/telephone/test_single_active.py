"""N5: one telephone courier works at a time. A second one says that it waits, and takes over."""

from __future__ import annotations

import signal
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest

from couriers.single_active import TURN
from runtime.process import stop_process
from tests.couriers.conftest import CourierProcess
from tests.couriers.telephone.twilio_stand_in import SID, TOKEN
from tests.fixtures.waiting import LONG_PATIENCE_SECONDS, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.couriers.conftest import Post
    from tests.couriers.telephone.conftest import TwilioServer

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def test_n5_a_second_courier_waits_and_takes_over(
    post: Post, twilio_server: TwilioServer, tmp_path: Path
) -> None:
    environment = {
        "FIRSTCLAIM_TELEPHONE_PROVIDER": "twilio",
        "FIRSTCLAIM_TELEPHONE_API_URL": twilio_server.address,
        "FIRSTCLAIM_TELEPHONE_USER": SID,
        "FIRSTCLAIM_TELEPHONE_PASSWORD": TOKEN,
        "FIRSTCLAIM_TELEPHONE_CALLER_ID": "+14015550100",
        "FIRSTCLAIM_TELEPHONE_WEBHOOK_URL": twilio_server.webhook_url,
        "FIRSTCLAIM_TELEPHONE_WEBHOOK_PORT": str(twilio_server.webhook_port),
    }
    first, second = (
        CourierProcess(post.settings(tmp_path), tmp_path / f"call-{n}.log", environment, channel="call")
        for n in range(2)
    )
    couriers = [first, second]

    def works(courier: CourierProcess) -> bool:
        return courier.page("ready")[0] == HTTPStatus.OK

    def waits(courier: CourierProcess) -> bool:
        status, text = courier.page("ready")
        # Before the group has assigned the turn, another reason stands there.
        is_blocked = status == HTTPStatus.SERVICE_UNAVAILABLE and f'"what":"{TURN}"' in text.replace(" ", "")
        return is_blocked and "another courier of this channel works" in text

    try:
        assert until(lambda: sorted(map(works, couriers)) == [False, True], LONG_PATIENCE_SECONDS)
        working, waiting = couriers if works(first) else reversed(couriers)
        assert until(lambda: waits(waiting))
        assert "this courier waits for its turn" in waiting.log.read_text()
        assert works(working), "it keeps its turn"
        working.kill()
        assert until(lambda: works(waiting), LONG_PATIENCE_SECONDS), waiting.log.read_text()[-3000:]
    finally:
        for courier in couriers:
            stop_process(courier.process, signal.SIGTERM, 30)
