-- Messages that are over, in the order in which they are forgotten.
create index outbox_delivered on outbox (delivered_at) where delivered_at is not null;
create index outbox_abandoned on outbox (abandoned_at) where delivered_at is null and abandoned_at is not null;
