"""What a tick decides: who is told of each alert now, who is not and why, and what can be forgotten."""

from dataclasses import replace

from streams.alerts.lengths import milliseconds
from streams.notifications import state
from streams.notifications.draft import Draft
from streams.notifications.judging import Judge
from streams.notifications.outbox import Outbox
from streams.notifications.routing import is_at_least, route_of
from streams.notifications.state import Alert, Backlog, Group, Held, Maintenance, Silence, Telling


def decide(draft: Draft) -> None:
    """Take every decision that is due."""
    _expire(draft)
    tick = _Tick(draft)
    for alert in draft.alerts():
        tick.see(alert)
    tick.tell()
    tick.forget()


def _expire(draft: Draft) -> None:
    """Forget silences and maintenance whose time is over."""
    for kind in (state.SILENCE, state.MAINTENANCE):
        for name, one in draft.all(kind).items():
            order: Silence | Maintenance = one
            if order.ends_at is not None and order.ends_at <= draft.now:
                draft.put(kind, name, None)


class _Tick:
    """The alerts under one tick: each is seen, receiver by receiver; then the receivers are told."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._judge = Judge(draft)
        self._boxes: dict[str, Outbox] = {}
        self._settled = self._backlog_is_settled()

    def see(self, alert: Alert) -> None:
        """Find out what each receiver is to be told of an alert."""
        for receiver, telling in alert.tellings.items():
            if telling.stage == "closed":
                continue
            if receiver not in self._draft.policy.receivers:
                after = self._receiver_is_gone(alert, receiver, telling)
            elif alert.firing:
                after = self._holds(alert, receiver, telling)
            elif telling.stage == "told":
                after = self._ends(alert, receiver, telling)
            else:
                after = self._ended_untold(alert, receiver, telling)
            self._draft.put_telling(alert.id, receiver, after)
        if alert.firing:
            self._escalate(alert)

    def tell(self) -> None:
        """Tell the receivers, in the order of their names."""
        for receiver in sorted(self._boxes):
            self._boxes[receiver].tell()
        if self._settled:
            self._draft.put(state.BACKLOG, state.FLEET_NAME, None)

    def forget(self) -> None:
        """Drop what needs no more: alerts that are over and closed, groups without members, receivers that are gone."""
        draft = self._draft
        for name, alert in draft.all(state.ALERT).items():
            if not alert.firing and all(one.stage == "closed" for one in alert.tellings.values()):
                draft.put(state.ALERT, name, None)
        used = {group for box in self._boxes.values() for group in box.groups}
        for name, group in draft.all(state.GROUP).items():
            if (group.receiver, group.route, group.values) not in used and self._is_past(group):
                draft.put(state.GROUP, name, None)
        for name in draft.all(state.RECEIVER):
            if name not in draft.policy.receivers:
                draft.put(state.RECEIVER, name, None)

    def _box(self, receiver: str) -> Outbox:
        if receiver not in self._boxes:
            self._boxes[receiver] = Outbox(self._draft, receiver, judge=self._judge)
        return self._boxes[receiver]

    def _is_past(self, group: Group) -> bool:
        """Whether a new member would be told as the first of a new group."""
        route = self._draft.policy.routes_by_name.get(group.route)
        return route is None or self._draft.now_ms - group.told_ms >= milliseconds(route.group_interval)

    def _backlog_is_settled(self) -> bool:
        backlog: Backlog | None = self._draft.get(state.BACKLOG, state.FLEET_NAME)
        policy, now_ms = self._draft.policy.backlog, self._draft.now_ms
        return backlog is not None and (
            now_ms - backlog.last_ms >= milliseconds(policy.settle)
            or now_ms - backlog.first_ms >= milliseconds(policy.at_most)
        )

    def _receiver_is_gone(self, alert: Alert, receiver: str, telling: Telling) -> Telling:
        """The policy has no such receiver any more."""
        if alert.firing:
            return telling
        if telling.stage == "waiting" and telling.held is None:
            detail = f"the policy no longer has the receiver {receiver}"
            self._draft.suppress(alert, Held("no_route"), detail, receiver=receiver)
        return replace(telling, stage="closed")

    def _holds(self, alert: Alert, receiver: str, telling: Telling) -> Telling:
        """An alert holds, and the receiver waits for it or was told of it."""
        if telling.stage == "told":
            return self._repeat(alert, receiver, telling)
        if telling.lane == "escalation" or (telling.lane == "backlog" and (alert.historical or not self._settled)):
            return telling
        if (why := self._judge.why_not(alert, receiver)) is not None:
            after = self._draft.hold(alert, receiver, telling, held=why.held, detail=why.detail)
            return replace(after, lane="group") if after.lane == "backlog" else after
        return self._lay_out(alert, receiver, self._released(telling))

    def _lay_out(self, alert: Alert, receiver: str, telling: Telling) -> Telling:
        """Put an alert, or its end, where its lane leads."""
        box = self._box(receiver)
        match telling.lane:
            case "digest":
                (box.digest if alert.firing else box.digest_over).append(alert)
            case "backlog":
                (box.backlog if alert.firing else box.backlog_over).append(alert)
            case _:
                pile = box.pile(route_of(self._draft.policy, telling), alert)
                (pile.raised if alert.firing else pile.resolved).append(alert)
                pile.wait(telling)
        return telling

    def _released(self, telling: Telling) -> Telling:
        """After quiet hours it comes with the digest; after all else with its group, once that has settled."""
        if telling.held is None or telling.limited:
            return telling
        if telling.held.reason == "quiet_hours":
            return replace(telling, held=None, lane="digest")
        if telling.lane == "digest":
            return replace(telling, held=None)
        return replace(telling, held=None, start_ms=self._draft.now_ms)

    def _repeat(self, alert: Alert, receiver: str, telling: Telling) -> Telling:
        """An alert holds of which the receiver was told: again after a while."""
        route = route_of(self._draft.policy, telling)
        pile = self._box(receiver).pile(route, alert)
        after = route.repeat_of(alert.severity) if telling.routed else None
        if after is None:
            return telling
        if self._draft.now_ms - (telling.told_ms or 0) < milliseconds(after):
            pile.told.append(alert)
            return telling
        if (why := self._judge.why_not(alert, receiver)) is not None:
            return self._draft.hold(alert, receiver, telling, held=why.held, detail=why.detail)
        pile.told.append(alert)
        pile.remind = True
        return telling

    def _ends(self, alert: Alert, receiver: str, telling: Telling) -> Telling:
        """An alert is over of which the receiver was told."""
        if not self._draft.policy.receivers[receiver].resolved:
            return replace(telling, stage="closed")
        if telling.lane == "backlog" and not self._settled:
            return telling
        if (why := self._judge.why_not_over(alert, receiver)) is not None:
            detail = f"it is over; {why.detail}"
            after = self._draft.hold(alert, receiver, telling, held=why.held, detail=detail)
            return after if why.held.reason == "quiet_hours" else replace(after, stage="closed")
        return self._lay_out(alert, receiver, self._released(telling))

    def _ended_untold(self, alert: Alert, receiver: str, telling: Telling) -> Telling:
        """An alert is over before the receiver was told."""
        draft, closed = self._draft, replace(telling, stage="closed")
        if telling.lane == "backlog" and not self._settled:
            return telling
        past = telling.lane == "backlog" and draft.policy.backlog.past == "digest"
        if past or telling.lane == "digest":
            return self._in_digest(alert, receiver, telling)
        if telling.held is not None:
            # Why was said already.
            return closed
        if (why := self._judge.why_not_over(alert, receiver)) is not None:
            draft.suppress(alert, why.held, why.detail, receiver=receiver)
            return closed
        held, detail = self._over_too_soon(alert, telling)
        draft.suppress(alert, held, detail, receiver=receiver)
        return closed

    def _in_digest(self, alert: Alert, receiver: str, telling: Telling) -> Telling:
        """An alert that is over is named in the receiver's digest, after quiet hours."""
        if (why := self._judge.why_not_over(alert, receiver)) is not None:
            after = self._draft.hold(alert, receiver, telling, held=why.held, detail=why.detail)
            return replace(after, lane="digest", stage="waiting" if why.held.reason == "quiet_hours" else "closed")
        box = self._box(receiver)
        (box.backlog_over if telling.lane == "backlog" else box.digest_over).append(alert)
        return telling if telling.limited else replace(telling, held=None)

    def _over_too_soon(self, alert: Alert, telling: Telling) -> tuple[Held, str]:
        if telling.lane == "backlog":
            return Held("historical"), f"{alert.rule} was over before it could be told"
        lasted_s = (0 if alert.resolved is None else alert.resolved.resolved_ms - alert.raised_ms) // 1000
        return Held("grouped"), f"{alert.rule} was over after {lasted_s} s, before its group was due to be told"

    def _escalate(self, alert: Alert) -> None:
        """Find the steps of escalation that are due: for each receiver the highest, whichever routes lead to it."""
        draft, told_ms = self._draft, alert.first_told_ms
        if told_ms is None or alert.acknowledged is not None:
            return
        highest: dict[str, tuple[int, str]] = {}
        for name in alert.routes:
            route = draft.policy.routes_by_name[name]
            for number, step in enumerate(route.escalation, 1):
                if is_at_least(alert.severity, step.severity) and draft.now_ms - told_ms >= milliseconds(step.after):
                    for receiver in step.receivers:
                        if receiver not in highest or number > highest[receiver][0]:
                            highest[receiver] = (number, name)
        for receiver, (number, name) in highest.items():
            self._escalate_to(alert, receiver, route=name, number=number)

    def _escalate_to(self, alert: Alert, receiver: str, *, route: str, number: int) -> None:
        draft = self._draft
        known = (draft.alert(alert.id) or alert).tellings.get(receiver)
        telling = known or Telling(route, start_ms=draft.now_ms, lane="escalation")
        if telling.step >= number or telling.stage == "closed":
            return
        if (why := self._judge.why_not(alert, receiver)) is not None:
            telling = draft.hold(alert, receiver, telling, held=why.held, detail=why.detail)
        else:
            pile = self._box(receiver).pile(draft.policy.routes_by_name[route], alert)
            pile.escalated.append((alert, number))
        draft.put_telling(alert.id, receiver, telling)
