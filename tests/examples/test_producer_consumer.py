"""The example with stages of one's own."""

from __future__ import annotations

from collections import Counter

import producer_consumer
import pytest


def digits_of_primes_below(limit: int) -> dict[int, int]:
    primes = [n for n in range(2, limit) if all(n % k for k in range(2, n))]
    return dict(sorted(Counter(prime % 10 for prime in primes).items()))


@pytest.mark.parametrize("limit", [1, 2, 3, 30, 1000])
@pytest.mark.parametrize("max_demand", [1, 2, 7, 1000])
async def test_every_prime_arrives_once(limit: int, max_demand: int) -> None:
    digits, largest = await producer_consumer.last_digits(limit, max_demand)
    assert digits == digits_of_primes_below(limit)
    # Two consumers share the producer, and neither asks for more than max_demand.
    assert 1 <= largest <= 2 * max_demand


def test_main(capsys: pytest.CaptureFixture[str]) -> None:
    producer_consumer.main(["--limit", "30", "--max-demand", "5"])
    printed = capsys.readouterr().out.splitlines()
    assert printed[:3] == [
        "     1 primes below 30 end with 1",
        "     1 primes below 30 end with 2",
        "     3 primes below 30 end with 3",
    ]
    assert printed[-1].startswith("the producer was never asked for more than")


def test_bad_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        producer_consumer.main(["--max-demand", "0"])
    assert "must be 1 or more, not 0" in capsys.readouterr().err
