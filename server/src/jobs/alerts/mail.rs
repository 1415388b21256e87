//! Mail about alerts, by the server that the deployment names.

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

/// Sends mail.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// Why mail cannot be sent. It says nothing of what the other side said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    #[error("the mail server's URL cannot be understood")]
    Url,
    #[error("the sender's address cannot be understood")]
    Sender,
    #[error("the address cannot be understood")]
    Address,
    #[error("the mail server refused it or did not answer")]
    Refused,
}

impl Mailer {
    /// `smtps://user:password@host:465` or `smtp://host:587?tls=required`.
    pub fn new(url: &str, from: &str) -> Result<Self, MailError> {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|_| MailError::Url)?
            .timeout(Some(std::time::Duration::from_secs(20)))
            .build();
        let from = from.parse().map_err(|_| MailError::Sender)?;
        Ok(Self { transport, from })
    }

    pub async fn send(&self, to: &str, subject: &str, text: String) -> Result<(), MailError> {
        let message = Message::builder()
            .from(self.from.clone())
            .to(to.parse().map_err(|_| MailError::Address)?)
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .body(text)
            .map_err(|_| MailError::Address)?;
        self.transport.send(message).await.map(drop).map_err(|_| MailError::Refused)
    }
}
