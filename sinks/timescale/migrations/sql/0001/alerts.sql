-- name: alerts
-- One row an alert, from raised to resolved. Its id is the id of its alert.raised.
CREATE TABLE alerts (
    alert_id uuid PRIMARY KEY,
    device_id text NOT NULL,
    rule text NOT NULL,
    rule_revision integer NOT NULL,
    severity text NOT NULL,
    labels jsonb NOT NULL,
    unit text,
    raised_at timestamptz NOT NULL,
    since timestamptz,
    value double precision,
    threshold double precision,
    summary text NOT NULL,
    description text,
    runbook text,
    historical boolean NOT NULL,
    resolved_at timestamptz,
    resolved_event_id uuid,
    resolved_reason text,
    resolved_value double precision
);

-- name: alert_remarks
-- Whether an operator has taken an alert on: the newest word counts, ties by event id.
CREATE TABLE alert_remarks (
    alert_id uuid PRIMARY KEY,
    time timestamptz NOT NULL,
    event_id uuid NOT NULL,
    acknowledged boolean NOT NULL,
    operator text NOT NULL,
    comment text
);

-- name: alert_transitions
-- Every event about an alert, for good.
CREATE TABLE alert_transitions (
    event_id uuid PRIMARY KEY,
    time timestamptz NOT NULL,
    alert_id uuid NOT NULL,
    transition text NOT NULL,
    device_id text NOT NULL,
    rule text,
    severity text,
    value double precision,
    reason text,
    operator text,
    comment text,
    evidence jsonb NOT NULL,
    appended_at timestamptz NOT NULL
);

-- name: notifications
-- The ledger: who was to be told what, and what became of it; one row a request or a decision not to tell.
CREATE TABLE notifications (
    notification_id uuid PRIMARY KEY,
    device_id text NOT NULL,
    receiver text,
    alert_ids uuid[] NOT NULL DEFAULT '{}',
    requested_at timestamptz,
    kind text,
    rule text,
    severity text,
    title text,
    body text,
    since timestamptz,
    runbook text,
    outcome text,
    outcome_at timestamptz,
    outcome_event_id uuid,
    attempts integer,
    message_id text,
    already_there boolean,
    reason text,
    detail text
);

-- name: alert_indexes
-- Open alerts, an alert's history, and the ledger by time.
CREATE INDEX alerts_open_by_time ON alerts (raised_at) WHERE resolved_at IS NULL;
CREATE INDEX alerts_device ON alerts (device_id, raised_at DESC);
CREATE INDEX alert_transitions_alert ON alert_transitions (alert_id, time);
CREATE INDEX alert_transitions_time ON alert_transitions (time);
CREATE INDEX notifications_requested ON notifications (requested_at);

-- name: alert_comments
-- What the columns mean.
COMMENT ON TABLE alerts IS 'One row an alert, from raised to resolved';
COMMENT ON COLUMN alerts.alert_id IS 'The id of its alert.raised';
COMMENT ON COLUMN alerts.device_id IS 'The device, or _fleet';
COMMENT ON COLUMN alerts.rule IS 'The rule that holds';
COMMENT ON COLUMN alerts.rule_revision IS 'Revision of the rules';
COMMENT ON COLUMN alerts.severity IS 'info, warning or critical';
COMMENT ON COLUMN alerts.labels IS 'Labels of the rule and of the series';
COMMENT ON COLUMN alerts.unit IS 'Unit of value and threshold';
COMMENT ON COLUMN alerts.raised_at IS 'Event time at which it was raised';
COMMENT ON COLUMN alerts.since IS 'When the condition began to hold';
COMMENT ON COLUMN alerts.value IS 'The value that raised it';
COMMENT ON COLUMN alerts.threshold IS 'The bound that was passed';
COMMENT ON COLUMN alerts.summary IS 'In words';
COMMENT ON COLUMN alerts.description IS 'In more words';
COMMENT ON COLUMN alerts.runbook IS 'Where it says what to do';
COMMENT ON COLUMN alerts.historical IS 'Derived from a backlog: it was over before it could be told';
COMMENT ON COLUMN alerts.resolved_at IS 'Event time at which it was over; null while it holds';
COMMENT ON COLUMN alerts.resolved_event_id IS 'The event that resolved it';
COMMENT ON COLUMN alerts.resolved_reason IS 'cleared, no_data, rule_removed, rule_changed or device_retired';
COMMENT ON COLUMN alerts.resolved_value IS 'The value that resolved it';
COMMENT ON TABLE alert_remarks IS 'The newest word of an operator on an alert';
COMMENT ON COLUMN alert_remarks.alert_id IS 'Which alert';
COMMENT ON COLUMN alert_remarks.time IS 'Event time';
COMMENT ON COLUMN alert_remarks.event_id IS 'The event';
COMMENT ON COLUMN alert_remarks.acknowledged IS 'Whether somebody has taken it on';
COMMENT ON COLUMN alert_remarks.operator IS 'Who said so';
COMMENT ON COLUMN alert_remarks.comment IS 'What was said';
COMMENT ON TABLE alert_transitions IS 'Every event about an alert';
COMMENT ON COLUMN alert_transitions.event_id IS 'The event';
COMMENT ON COLUMN alert_transitions.time IS 'Event time';
COMMENT ON COLUMN alert_transitions.alert_id IS 'Which alert';
COMMENT ON COLUMN alert_transitions.transition IS 'raised, resolved, acknowledged or unacknowledged';
COMMENT ON COLUMN alert_transitions.device_id IS 'The device, or _fleet';
COMMENT ON COLUMN alert_transitions.rule IS 'The rule';
COMMENT ON COLUMN alert_transitions.severity IS 'info, warning or critical';
COMMENT ON COLUMN alert_transitions.value IS 'The value that decided';
COMMENT ON COLUMN alert_transitions.reason IS 'Why it was resolved';
COMMENT ON COLUMN alert_transitions.operator IS 'Who acknowledged';
COMMENT ON COLUMN alert_transitions.comment IS 'What was said';
COMMENT ON COLUMN alert_transitions.evidence IS 'Events that decided it: [{topic, partition, offset, id}]';
COMMENT ON COLUMN alert_transitions.appended_at IS 'The broker''s clock when it was appended';
COMMENT ON TABLE notifications IS 'Who was to be told what, and what became of it';
COMMENT ON COLUMN notifications.notification_id IS 'Id of the request, or of the suppression that had none';
COMMENT ON COLUMN notifications.device_id IS 'The device, or _fleet';
COMMENT ON COLUMN notifications.receiver IS 'Which receiver';
COMMENT ON COLUMN notifications.alert_ids IS 'The alerts it tells of';
COMMENT ON COLUMN notifications.requested_at IS 'Event time of the request';
COMMENT ON COLUMN notifications.kind IS 'raised, resolved, reminder, escalation or digest';
COMMENT ON COLUMN notifications.rule IS 'The rule';
COMMENT ON COLUMN notifications.severity IS 'info, warning or critical';
COMMENT ON COLUMN notifications.title IS 'Title of the message';
COMMENT ON COLUMN notifications.body IS 'The message, Markdown';
COMMENT ON COLUMN notifications.since IS 'Since when the condition holds';
COMMENT ON COLUMN notifications.runbook IS 'Where it says what to do';
COMMENT ON COLUMN notifications.outcome IS 'delivered, failed or suppressed; null: not yet known';
COMMENT ON COLUMN notifications.outcome_at IS 'Event time of the outcome';
COMMENT ON COLUMN notifications.outcome_event_id IS 'The event of the outcome';
COMMENT ON COLUMN notifications.attempts IS 'How often it was tried';
COMMENT ON COLUMN notifications.message_id IS 'The receiver''s own id of the message';
COMMENT ON COLUMN notifications.already_there IS 'Found at the receiver after a crash, not sent again';
COMMENT ON COLUMN notifications.reason IS 'Why it was suppressed or failed, as a code';
COMMENT ON COLUMN notifications.detail IS 'Why, in words';
