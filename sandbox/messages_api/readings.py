"""What the scripted model knows: signs in the evidence, and what they usually mean."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sandbox.messages_api.transcript import Observation


@dataclass(frozen=True, slots=True)
class Reading:
    """A sign, what it means, and what follows.

    sign: a regular expression over the text of an observation, case ignored. cause: `{quote}` is the line that showed
    it. confidence is between 0 and 1.
    """

    sign: str
    headline: str
    cause: str
    severity: str
    confidence: float
    immediate: str
    long_term: str
    monitoring: str

    def shows_in(self, text: str) -> bool:
        return re.search(self.sign, text, re.IGNORECASE) is not None


# Order matters: a specific sign stands before a general one that often comes with it.
READINGS: Final = (
    Reading(r"can't open|no such file", "A container exits because a file it needs is missing",
             "The process stops at start because a file it reads does not exist in the container: {quote}",
             "critical", 0.9, "Put the missing key into the ConfigMap, or roll back",
             "Check at build time that every mounted file exists", "Restarts per pod"),
    Reading(r"must specify \w+|password is not specified|is not set", "A required setting is missing",
             "The process refuses to start without a required environment variable: {quote}",
             "critical", 0.9, "Set the missing environment variable", "Validate required settings before a rollout",
             "Rollouts that do not become available"),
    Reading(r"manifest unknown|ErrImagePull|ImagePullBackOff", "The image of the new pods does not exist",
             "The node cannot pull the image, so the pods never start: {quote}",
             "error", 0.9, "Set the image back to a tag that exists", "Let the pipeline check the tag first",
             "Pods that wait for an image for more than two minutes"),
    Reading(r"OOMKilled", "A container is killed for using more memory than it may",
             "The kernel ends the process at its memory limit: {quote}",
             "error", 0.85, "Raise the memory limit to what the process needs", "Find out whether the growth is a leak",
             "Memory in use as a share of the limit"),
    Reading(r"(?:scaled down .* to 0|spec\W+replicas\W+0\b|\breplicas: 0\b|scaled to zero)",
             "Nothing runs because the workload was scaled to zero", "The workload has no replicas: {quote}",
             "error", 0.9, "Scale it back to the earlier number of replicas", "Guard production workloads against zero",
             "Wanted replicas of workloads that have a Service"),
    Reading(r"no (?:pods? match|endpoints)|endpoints\W+(?:null|none|0\b)|selector .*match(?:es)? no",
             "A Service has no endpoints because its selector matches no pod",
             "Traffic to the Service goes nowhere: {quote}", "error", 0.88, "Correct the Service's selector",
             "Test Services for endpoints after every change", "Services without ready endpoints"),
    Reading(r"connection pool|pool exhausted|too many (?:clients|connections)", "The database has no free connections",
             "Requests wait for a connection until they time out: {quote}", "critical", 0.75,
             "End idle sessions and restart the client that leaks them", "Put a pooler in front and cap each client",
             "Connections in use as a share of the maximum"),
    Reading(r"slow quer|full table scan|seq(?:uential)? scan", "Slow queries hold the database up",
             "A query reads far more rows than it returns: {quote}", "error", 0.7,
             "Stop the longest running query", "Add the missing index", "95th percentile of query time"),
    Reading(r"sql injection|union select|or 1=1", "Somebody tries SQL injection",
             "Requests carry SQL in their parameters: {quote}", "critical", 0.7, "Block the source addresses",
             "Use bound parameters everywhere", "Blocked requests per rule"),
    Reading(r"brute force|failed log-?ins?|failed sign-?ins?", "Somebody guesses passwords",
             "Many failed sign-ins come from few addresses: {quote}", "critical", 0.7,
             "Block the source addresses and lock the target accounts", "Require a second factor",
             "Failed sign-ins per address and minute"),
    Reading(r"suspicious log-?in|impossible travel|unusual location", "An account is used from an unusual place",
             "One account signs in from places too far apart: {quote}", "error", 0.65,
             "End the account's sessions and ask its owner", "Require a second factor", "Sign-ins from new countries"),
    Reading(r"NXDOMAIN|SERVFAIL|dns", "Names do not resolve", "DNS answers with failures: {quote}",
             "critical", 0.7, "Send queries to the second resolver", "Run resolvers in two networks",
             "Share of failed DNS answers"),
    Reading(r"packet loss", "Packets get lost between two places", "A link loses packets: {quote}",
             "error", 0.7, "Take the link out of rotation", "Keep two independent links", "Loss per link and minute"),
    Reading(r"\bcdn\b|cache hit|edge latency", "The CDN answers slowly", "Edge latency rose: {quote}",
             "warning", 0.65, "Send the region to another edge", "Watch the cache hit ratio per region",
             "95th percentile of edge latency by region"),
    Reading(r"memory leak|rss .*grow|memory .*(?:grow|ris)", "Memory grows without end",
             "Memory rises steadily while traffic does not: {quote}", "warning", 0.65,
             "Restart the process in time", "Take a heap profile and fix the leak", "Memory growth an hour"),
    Reading(r"segfault|core dumped|exited unexpectedly|process .*(?:crash|died)", "A process keeps crashing",
             "The process ends on its own: {quote}", "critical", 0.7, "Roll back its last release",
             "Collect core dumps", "Process restarts per hour"),
    Reading(r"cpu.*(?:9\d|100) ?%|throttl|load average|cpu .*limit", "The processor is the bottleneck",
             "The work needs more processor time than there is: {quote}", "warning", 0.65,
             "Raise the limit or add replicas", "Find the hot code path with a profile", "CPU use against the limit"),
    Reading(r"error rate|5xx|HTTP 50\d", "Too many requests fail", "The share of failing requests rose: {quote}",
             "error", 0.6, "Roll back the last release", "Alert on the error budget", "Error rate by release"),
)  # fmt: skip


def find_reading(observations: Iterable[Observation]) -> tuple[Reading, list[Observation]] | None:
    """Return the first reading whose sign shows in the evidence, with the observations that show it."""
    usable = [observation for observation in observations if observation.is_ok]
    for reading in READINGS:
        shown = [observation for observation in usable if reading.shows_in(observation.text)]
        if shown:
            return reading, shown
    return None


def quote_sign(reading: Reading, observation: Observation) -> str:
    """Return the line of an observation that shows the sign, verbatim."""
    for line in observation.text.splitlines():
        if reading.shows_in(line):
            return line.strip()[:240]
    return observation.quote
