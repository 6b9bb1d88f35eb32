from netstack.server import rate
from netstack.server.rate import Bucket, SourceRate, source_network


def test_a_bucket_gives_its_burst_then_its_rate():
    bucket = Bucket(rate_per_s=10, burst=3, now=0.0)
    assert [bucket.take(1, 0.0) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(1, 0.09)
    assert bucket.take(1, 0.11)
    assert [bucket.take(1, 100.0) for _ in range(4)] == [True, True, True, False]


def test_a_clock_that_steps_back_gives_nothing_away():
    bucket = Bucket(rate_per_s=10, burst=1, now=5.0)
    assert bucket.take(1, 5.0)
    assert not bucket.take(1, 1.0)
    assert not bucket.take(1, 5.05)


def test_neighbours_share_a_budget_and_strangers_do_not():
    assert source_network("192.0.2.1") == source_network("192.0.2.254")
    assert source_network("2001:db8:0:1::1") == source_network("2001:db8:0:2::1")
    limit = SourceRate(per_network_per_s=1, in_all_per_s=100, burst_s=2)
    assert [limit.allow("192.0.2.1", 0.0), limit.allow("192.0.2.2", 0.0), limit.allow("192.0.2.3", 0.0)] == [
        True,
        True,
        False,
    ]
    assert limit.allow("198.51.100.1", 0.0)


def test_many_networks_meet_the_limit_of_all_and_a_bounded_table():
    limit = SourceRate(per_network_per_s=1, in_all_per_s=100, burst_s=1)
    hosts = [f"10.{i >> 8}.{i & 255}.1" for i in range(rate.MAX_NETWORKS + 50)]
    assert sum(limit.allow(host, 0.0) for host in hosts) == 100
    assert len(limit._networks) == rate.MAX_NETWORKS
