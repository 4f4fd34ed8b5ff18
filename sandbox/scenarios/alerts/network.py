"""Alerts about the way to the customers: CDN, DNS, the links between regions."""

import random

from sandbox.scenarios.alerts.draft import AlertDraft, Build, link, pick_address, pick_region


def cdn_latency(dice: random.Random) -> AlertDraft:
    region, p95 = pick_region(dice), dice.randint(1_400, 3_900)
    return AlertDraft(
        summary=f"edge-network: CDN latency p95 {p95} ms in {region}",
        source=f"edge.{region}.acme.example",
        severity="warning",
        component="edge-network",
        event_class="network.cdn_latency",
        group="network",
        details={
            "region": region,
            "p95_milliseconds": p95,
            "usual_p95_milliseconds": dice.randint(120, 240),
            "cache_hit_ratio_percent": dice.randint(31, 58),
            "usual_cache_hit_ratio_percent": 94,
            "origin_requests_per_second": dice.randint(1_800, 6_000),
            "configuration_version": dice.randint(310, 360),
            "minutes_since_configuration_change": dice.randint(5, 40),
            "requests_affected_percent": dice.randint(20, 70),
        },
        dedup_key=f"cdn/{region}",
        links=link(f"edge/{region}", "Edge dashboard"),
    )


def dns_failures(dice: random.Random) -> AlertDraft:
    resolver, share = pick_address(dice), dice.randint(18, 64)
    return AlertDraft(
        summary=f"edge-network: DNS failures, {share} % of answers from {resolver} are SERVFAIL",
        source=resolver,
        severity="critical",
        component="edge-network",
        event_class="network.dns_failures",
        group="network",
        details={
            "resolver": resolver,
            "failed_answers_percent": share,
            "queries_per_second": dice.randint(900, 4_800),
            "zone": "acme.example",
            "most_failed_names": ["api.acme.example", "login.acme.example"],
            "answer": "SERVFAIL",
            "other_resolver": pick_address(dice),
            "other_resolver_failed_answers_percent": round(dice.uniform(0, 0.4), 1),
            "zone_serial": f"20261123{dice.randint(1, 9):02}",
        },
        dedup_key=f"dns/{resolver}",
        links=link("dns/acme.example", "DNS dashboard"),
    )


def packet_loss(dice: random.Random) -> AlertDraft:
    here = pick_region(dice)
    there = next(region for region in ("us-east", "eu-west") if region != here)
    loss = round(dice.uniform(4, 22), 1)
    return AlertDraft(
        summary=f"edge-network: packet loss {loss} % between {here} and {there}",
        source=f"router-1.{here}.acme.example",
        severity="error",
        component="edge-network",
        event_class="network.packet_loss",
        group="network",
        details={
            "from_region": here,
            "to_region": there,
            "loss_percent": loss,
            "round_trip_milliseconds": dice.randint(140, 420),
            "usual_round_trip_milliseconds": dice.randint(70, 95),
            "first_lossy_hop": pick_address(dice),
            "link": f"carrier-{dice.choice('ABC')}",
            "interface_errors_last_5m": dice.randint(2_000, 90_000),
            "backup_link_loss_percent": 0.0,
        },
        dedup_key=f"link/{here}/{there}",
        links=link(f"links/{here}-{there}", "Link dashboard"),
    )


BUILDERS: dict[str, Build] = {
    "network-cdn-latency": cdn_latency,
    "network-dns-failures": dns_failures,
    "network-packet-loss": packet_loss,
}
