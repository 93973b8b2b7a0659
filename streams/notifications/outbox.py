"""What a receiver is to be told at one tick, and the messages that it becomes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from schemas.notification import Kind, NotificationRequestedData
from streams.alerts.lengths import milliseconds
from streams.notifications import text
from streams.notifications.draft import Draft
from streams.notifications.judging import Judge
from streams.notifications.matchers import FLEET
from streams.notifications.policy import Route
from streams.notifications.purse import Purse
from streams.notifications.routing import RANK, GroupKey, group_name, group_of
from streams.notifications.state import GROUP, Alert, Group, Held, Telling
from streams.notifications.times import zone


@dataclass(slots=True)
class Pile:
    """The alerts of one group of a receiver, by what is to be said of them."""

    key: GroupKey
    route: Route
    raised: list[Alert] = field(default_factory=list)
    resolved: list[Alert] = field(default_factory=list)
    told: list[Alert] = field(default_factory=list)
    """Who was told of them before; told again together as soon as one of them is due."""

    remind: bool = False
    escalated: list[tuple[Alert, int]] = field(default_factory=list)
    since_ms: int | None = None
    """Since when the first of them waits."""

    @property
    def name(self) -> str:
        """Under which its part of the state is kept."""
        return group_name(self.key)

    def wait(self, telling: Telling) -> None:
        """One more waits."""
        self.since_ms = telling.start_ms if self.since_ms is None else min(self.since_ms, telling.start_ms)


class Outbox:
    """One receiver's, during one tick: filled while the alerts are judged, then told."""

    def __init__(self, draft: Draft, receiver: str, *, judge: Judge) -> None:
        self._draft = draft
        self._judge = judge
        self._receiver = receiver
        self._place = zone(draft.policy.timezone)
        self._piles: dict[GroupKey, Pile] = {}
        self.digest: list[Alert] = []
        self.digest_over: list[Alert] = []
        self.backlog: list[Alert] = []
        self.backlog_over: list[Alert] = []

    @property
    def groups(self) -> Iterable[GroupKey]:
        """The groups that have members."""
        return self._piles

    def pile(self, route: Route, alert: Alert) -> Pile:
        """The group of an alert."""
        key = group_of(route, self._receiver, alert)
        if key not in self._piles:
            self._piles[key] = Pile(key, route)
        return self._piles[key]

    def tell(self) -> None:
        """Make the messages, as far as the rate limit goes; the rest waits for a digest."""
        purse = Purse(self._draft, self._receiver)
        for pile in self._piles.values():
            self._escalate(pile, purse)
        burst = self._tell_groups(purse)
        self._tell_digest(purse, burst)
        self._tell_backlog(purse)
        for pile in self._piles.values():
            self._remind(pile, purse)

    def _escalate(self, pile: Pile, purse: Purse) -> None:
        alerts = worst_first(alert for alert, _ in pile.escalated)
        if not alerts:
            return
        message = text.raised(alerts, self._place, prefix="nobody has acknowledged")
        if not purse.take():
            self._postpone(alerts, purse)
            return
        self._request("escalation", alerts, message)
        for alert, step in pile.escalated:
            self._told(alert, step=step)
        told = {alert.id for alert in alerts}
        for others in (*(one.raised for one in self._piles.values()), self.digest, self.backlog):
            others[:] = [alert for alert in others if alert.id not in told]

    def _tell_groups(self, purse: Purse) -> list[Pile]:
        """Tell each group that is due; of a burst, leave all to the digest, and return its groups."""
        due = [pile for pile in self._piles.values() if self._is_due(pile)]
        if not due or purse.in_digest:
            return []
        count = sum(len(pile.raised) + len(pile.resolved) for pile in due)
        messages = sum(bool(pile.raised) + bool(pile.resolved) for pile in due)
        before, burst = purse.told_lately(), self._draft.policy.burst
        if burst is not None and before + count > burst.alerts and (before or messages > 1):
            waiting = [pile for pile in self._piles.values() if pile.raised or pile.resolved]
            self.digest += [alert for pile in waiting for alert in pile.raised]
            self.digest_over += [alert for pile in waiting for alert in pile.resolved]
            return waiting
        for pile in due:
            self._tell_pile(pile, purse)
        purse.tell(count)
        return []

    def _is_due(self, pile: Pile) -> bool:
        """Whether the first has waited long enough, and the group's last message is long enough ago."""
        if pile.since_ms is None:
            return False
        due_ms = pile.since_ms + milliseconds(pile.route.group_wait)
        known: Group | None = self._draft.get(GROUP, pile.name)
        if known is not None:
            due_ms = max(due_ms, known.told_ms + milliseconds(pile.route.group_interval))
        return self._draft.now_ms >= due_ms

    def _tell_pile(self, pile: Pile, purse: Purse) -> None:
        raised, over = worst_first(pile.raised), worst_first(pile.resolved)
        # The end first: what came back in between is another alert, and the last word is that it holds.
        if over:
            if purse.take():
                self._request("resolved", over, text.resolved(over, self._place))
                self._close(over)
            else:
                self._limit(over, purse)
        if raised:
            if purse.take():
                self._request("raised", raised, text.raised(raised, self._place))
                self._told_all(raised)
            else:
                self._limit(raised, purse)
        self._group_told(pile)

    def _tell_digest(self, purse: Purse, burst: Sequence[Pile]) -> None:
        """Tell in one message what quiet hours, the rate limit and a burst have left."""
        holding, over = worst_first(self.digest), worst_first(self.digest_over)
        if not holding and not over:
            return
        if not purse.take():
            self._limit([*holding, *over], purse)
            return
        self._request_both(holding, over)
        self._told_all(holding)
        self._close(over)
        if burst:
            purse.tell_digest()
        for pile in burst:
            self._group_told(pile)

    def _request_both(self, holding: list[Alert], over: list[Alert]) -> None:
        if len(holding) == 1 and not over:
            self._request("raised", holding, text.raised(holding, self._place))
        elif len(over) == 1 and not holding and over[0].tellings[self._receiver].stage == "told":
            self._request("resolved", over, text.resolved(over, self._place))
        else:
            self._request("digest", [*holding, *over], text.digest(holding, over, self._place))

    def _tell_backlog(self, purse: Purse) -> None:
        """One digest for what is over, one request for what still holds."""
        over, holding = worst_first(self.backlog_over), worst_first(self.backlog)
        if over:
            if purse.take():
                self._request_both([], over)
                self._close(over)
            else:
                self._limit(over, purse)
        if holding:
            if purse.take():
                self._request("raised", holding, text.raised(holding, self._place))
                self._told_all(holding)
            else:
                self._limit(holding, purse)

    def _remind(self, pile: Pile, purse: Purse) -> None:
        if not pile.remind:
            return
        alerts = worst_first(alert for alert in pile.told if self._is_to_be_reminded(alert))
        if not alerts:
            return
        if not purse.take():
            self._postpone(alerts, purse)
            return
        self._request("reminder", alerts, text.raised(alerts, self._place, prefix="still"))
        self._told_all(alerts)

    def _is_to_be_reminded(self, alert: Alert) -> bool:
        told_now = self._telling(alert).told_ms == self._draft.now_ms
        return not told_now and self._judge.why_not(alert, self._receiver) is None

    def _limit(self, alerts: Iterable[Alert], purse: Purse) -> None:
        """Leave alerts to the next digest."""
        for alert in alerts:
            detail = purse.why_not if alert.firing else f"it is over; {purse.why_not}"
            telling = self._telling(alert)
            held = self._draft.hold(alert, self._receiver, telling, held=Held("rate_limited"), detail=detail)
            self._put(alert, replace(held, lane="digest"))

    def _postpone(self, alerts: Iterable[Alert], purse: Purse) -> None:
        """Try again at the next tick."""
        for alert in alerts:
            telling = self._telling(alert)
            self._put(
                alert,
                self._draft.hold(alert, self._receiver, telling, held=Held("rate_limited"), detail=purse.why_not),
            )

    def _told_all(self, alerts: Iterable[Alert]) -> None:
        for alert in alerts:
            self._told(alert)

    def _told(self, alert: Alert, *, step: int | None = None) -> None:
        draft = self._draft
        before = self._telling(alert)
        changed: dict[str, Any] = {"stage": "told", "lane": "group", "held": None, "told_ms": draft.now_ms}
        self._put(alert, replace(before, **changed, step=before.step if step is None else step))
        now = draft.alert(alert.id)
        if now is not None and now.first_told_ms is None:
            draft.put_alert(replace(now, first_told_ms=draft.now_ms))

    def _close(self, alerts: Iterable[Alert]) -> None:
        for alert in alerts:
            self._put(alert, replace(self._telling(alert), stage="closed", held=None))

    def _group_told(self, pile: Pile) -> None:
        receiver, route, values = pile.key
        self._draft.put(GROUP, pile.name, Group(receiver, route, self._draft.now_ms, values))

    def _telling(self, alert: Alert) -> Telling:
        """How far the receiver is with it by now."""
        return (self._draft.alert(alert.id) or alert).tellings[self._receiver]

    def _put(self, alert: Alert, telling: Telling) -> None:
        self._draft.put_telling(alert.id, self._receiver, telling)

    def _request(self, kind: Kind, alerts: Sequence[Alert], message: text.Message) -> None:
        devices, rules = {alert.device for alert in alerts}, {alert.rule for alert in alerts}
        data = NotificationRequestedData(
            receiver=self._receiver,
            kind=kind,
            alert_ids=tuple(alert.id for alert in alerts),
            over_ids=tuple(alert.id for alert in alerts if not alert.firing),
            rule=rules.pop() if len(rules) == 1 else None,
            severity=max((alert.severity for alert in alerts), key=RANK.__getitem__),
            title=message.title,
            body=message.body,
            since=min(alert.since for alert in alerts),
            runbook=alerts[0].runbook if len(alerts) == 1 else None,
        )
        self._draft.request(kind, devices.pop() if len(devices) == 1 else FLEET, data)


def worst_first(alerts: Iterable[Alert]) -> list[Alert]:
    """Alerts by severity, then by since when they hold."""
    return sorted(alerts, key=lambda alert: (-RANK[alert.severity], alert.since, alert.offset))
