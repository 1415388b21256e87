//! Tells people of alerts: messages wait in the store until they were delivered, so that none is
//! lost with a server and none is sent by two.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use engine::clock::Clock;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use shared::alert::{Alert, AlertState, Channel, Delivery, Message};
use shared::assessment::Severity;
use shared::id::{AlertId, TargetId};
use url::Url;

use super::decide::due_at;
use super::{MailError, Mailer};
use crate::auth::hex;
use crate::auth::secret::Secrets;
use crate::causes;
use crate::egress::{self, Forbidden, Rules};
use crate::settings::Current;
use crate::store::notifications::{self, Queued, SealedTarget};
use crate::store::{Store, StoreError, Transaction, alerts};

/// How long after each attempt the next one is made; after the last, the message is given up.
const PAUSES: [TimeDelta; 5] = [
    TimeDelta::minutes(1),
    TimeDelta::minutes(5),
    TimeDelta::minutes(20),
    TimeDelta::hours(1),
    TimeDelta::hours(4),
];

const TIMEOUT: Duration = Duration::from_secs(10);
const AT_ONCE: u32 = 20;

/// Queues messages and delivers them. Clones are handles to the same.
#[derive(Clone)]
pub struct Notifier(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    settings: Current,
    vault: Secrets,
    /// None where the deployment names no mail server.
    mailer: Option<Mailer>,
}

/// Why a message was not delivered. It repeats nothing of what the other side said.
#[derive(Debug, thiserror::Error)]
enum DeliveryError {
    #[error("no mail server is named: TRANSFUSE_SMTP_URL")]
    NoMailServer,
    #[error(transparent)]
    Mail(#[from] MailError),
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    #[error("its URL cannot be understood")]
    Url,
    #[error("its signing secret cannot be opened")]
    Secret,
    #[error("it did not answer")]
    NoAnswer,
    #[error("it answered with status {0}")]
    Status(u16),
}

impl Notifier {
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        settings: Current,
        vault: Secrets,
        mailer: Option<Mailer>,
    ) -> Self {
        Self(Arc::new(Inner { store, clock, settings, vault, mailer }))
    }

    /// Queues messages about an alert, in the transaction that raises it.
    pub async fn queue(
        &self,
        tx: &mut Transaction,
        alert: &Alert,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let saved = self.0.settings.get().await?;
        let quiet = saved.settings.notifications.quiet_hours.as_ref();
        let due = due_at(now, alert.severity, quiet);
        for target in notifications::list_targets(&mut **tx).await? {
            if target.enabled && alert.severity >= target.from_severity {
                let message = Queued {
                    id: self.0.clock.fresh_id().to_string(),
                    alert_id: alert.id.clone(),
                    target_id: target.id,
                    attempts: 0,
                };
                notifications::queue(&mut **tx, &message, due).await?;
            }
        }
        Ok(())
    }

    /// Delivers what is due.
    pub async fn deliver_due(&self) {
        if let Err(error) = self.try_deliver_due().await {
            tracing::warn!(cause = causes::line(&error), "delivering messages: {error}");
        }
    }

    async fn try_deliver_due(&self) -> Result<(), StoreError> {
        let Inner { store, clock, .. } = &*self.0;
        let pool = store.pool();
        for message in notifications::list_due(pool, clock.now(), AT_ONCE).await? {
            let now = clock.now();
            let pause = PAUSES.get(message.attempts as usize).copied();
            let until = now + pause.unwrap_or(TimeDelta::minutes(5));
            if !notifications::claim(pool, &message, now, until).await? {
                continue;
            }
            let target = notifications::find_target(pool, &message.target_id).await?;
            let alert = alerts::find(pool, &message.alert_id).await?;
            let (Some(target), Some(alert)) = (target, alert) else {
                notifications::forget(pool, &message.id).await?;
                continue;
            };
            let rule = alerts::find_rule(pool, &alert.rule_id).await?;
            let rule = rule.map_or_else(|| alert.rule_id.to_string(), |rule| rule.name);
            let body = Message { id: message.id.clone(), rule, alert, test: false };
            let delivery = self.deliver(&target, &body).await;
            let is_over = delivery.delivered || pause.is_none();
            notifications::note_delivery(pool, &target.target.id, &delivery).await?;
            if is_over {
                notifications::forget(pool, &message.id).await?;
            }
        }
        Ok(())
    }

    /// Tries a target out.
    pub async fn test(&self, target: &SealedTarget) -> Result<Delivery, StoreError> {
        let Inner { store, clock, .. } = &*self.0;
        let id = clock.fresh_id().to_string();
        let now = clock.now();
        let body = Message {
            alert: Alert {
                id: AlertId::parse(&*id).expect("a UUID is an id"),
                rule_id: AlertId::parse("test").expect("an id"),
                run_id: None,
                state: AlertState::Raised,
                severity: Severity::Info,
                message: "This is how an alert arrives.".to_owned(),
                raised_at: now,
                times: 1,
                last_raised_at: now,
                acknowledged_by: None,
                acknowledged_at: None,
                cleared_at: None,
            },
            id,
            rule: "Test".to_owned(),
            test: true,
        };
        let delivery = self.deliver(target, &body).await;
        notifications::note_delivery(store.pool(), &target.target.id, &delivery).await?;
        Ok(delivery)
    }

    async fn deliver(&self, sealed: &SealedTarget, message: &Message) -> Delivery {
        let target = &sealed.target;
        let sent = match &target.channel {
            Channel::Email { address } => self.mail(address, message).await,
            Channel::Webhook { url } => self.post(url, sealed, message).await,
        };
        metrics::counter!(
            "transfuse_notifications_total",
            "channel" => match &target.channel {
                Channel::Email { .. } => "email",
                Channel::Webhook { .. } => "webhook",
            },
            "outcome" => if sent.is_ok() { "delivered" } else { "failed" },
        )
        .increment(1);
        let problem = sent.err().map(|error| error.to_string());
        if let Some(problem) = &problem {
            let id: &TargetId = &target.id;
            tracing::warn!(target.id = %id, "a message was not delivered: {problem}");
        }
        Delivery { at: self.0.clock.now(), delivered: problem.is_none(), problem }
    }

    async fn mail(&self, address: &str, message: &Message) -> Result<(), DeliveryError> {
        let mailer = self.0.mailer.as_ref().ok_or(DeliveryError::NoMailServer)?;
        let alert = &message.alert;
        let subject = format!("[Transfuse] {}: {}", severity_word(alert.severity), message.rule);
        let run = alert.run_id.as_ref().map(|run| format!("Run: /portal/migration/runs/{run}\n"));
        let text = format!(
            "{}\n\nRaised: {}\n{}",
            alert.message,
            alert.raised_at.to_rfc3339(),
            run.unwrap_or_default()
        );
        Ok(mailer.send(address, &subject, text).await?)
    }

    async fn post(
        &self,
        url: &str,
        sealed: &SealedTarget,
        message: &Message,
    ) -> Result<(), DeliveryError> {
        let url: Url = url.parse().map_err(|_| DeliveryError::Url)?;
        let host = url.host_str().ok_or(DeliveryError::Url)?;
        let port = url.port_or_known_default().ok_or(DeliveryError::Url)?;
        let saved = self.0.settings.get().await.map_err(|_| DeliveryError::NoAnswer)?;
        let rules = Rules::for_webhooks(&saved.settings.hosts);
        let addresses = rules.resolve(host, port).await?;
        let secret = sealed.sealed_secret.as_deref().ok_or(DeliveryError::Secret)?;
        let secret = self.0.vault.open(secret).map_err(|_| DeliveryError::Secret)?;

        let body = serde_json::to_vec(message).unwrap_or_default();
        let signature = signature(&secret, self.0.clock.now().timestamp(), &body);
        egress::use_ring();
        let client = reqwest::Client::builder()
            // To the addresses that were checked, and to nobody whom the answer names.
            .resolve_to_addrs(host, &addresses)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .build()
            .map_err(|_| DeliveryError::NoAnswer)?;
        let answer = client
            .post(url.clone())
            .header("content-type", "application/json")
            .header("user-agent", concat!("transfuse/", env!("CARGO_PKG_VERSION")))
            .header("transfuse-signature", signature)
            .body(body)
            .send()
            .await
            .map_err(|_| DeliveryError::NoAnswer)?;
        let status = answer.status();
        if status.is_success() { Ok(()) } else { Err(DeliveryError::Status(status.as_u16())) }
    }
}

/// `t=SECONDS,v1=HEX`: over the time as well, so that a message that was caught cannot be sent
/// again later.
fn signature(secret: &str, seconds: i64, body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(seconds.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    format!("t={seconds},v1={}", hex(&mac.finalize().into_bytes()))
}

const fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "Info",
        Severity::Warning => "Warning",
        Severity::Blocking => "Alert",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with: printf '1790000000.{}' | openssl dgst -sha256 -hmac secret
    #[test]
    fn a_signature_is_hmac_over_time_and_body() {
        let made = signature("secret", 1_790_000_000, b"{}");
        assert_eq!(
            made,
            "t=1790000000,v1=d0cadd434460d4af55e7ab90d79c1802591d7001a77c9e06471d0e3ec8cc85ae"
        );
        assert_ne!(made, signature("secret", 1_790_000_001, b"{}"));
        assert_ne!(made, signature("other", 1_790_000_000, b"{}"));
    }
}
