//! The envelope of the API's answers: `{"status":"success","data":…}` or `{"status":"error",…}`.

use bytes::Bytes;
use hyper::StatusCode;
use model::port::ReadError;

use crate::http::{Content, Reply};
use crate::json;

/// Most warnings and, apart from them, notes in one answer; the rest is counted.
const ANNOTATIONS_MAX: usize = 10;

/// The kind of an error; decides the status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    BadData,
    Execution,
    Canceled,
    Timeout,
    Internal,
    Unavailable,
}

impl ErrorKind {
    fn word(self) -> &'static str {
        match self {
            Self::BadData => "bad_data",
            Self::Execution => "execution",
            Self::Canceled => "canceled",
            Self::Timeout => "timeout",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::BadData => StatusCode::BAD_REQUEST,
            Self::Execution => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Canceled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
            Self::Timeout => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal | Self::Unavailable => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// An answer that says no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) kind: ErrorKind,
    pub(crate) text: String,
}

impl ApiError {
    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    pub(crate) fn bad_data(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadData, text)
    }

    pub(crate) fn reply(&self) -> Reply {
        let mut out = String::from("{\"status\":\"error\",\"errorType\":");
        json::string(&mut out, self.kind.word());
        out.push_str(",\"error\":");
        json::string(&mut out, &self.text);
        out.push('}');
        Reply::new(self.kind.status(), "application/json", Content::Whole(out.into()))
    }
}

/// The API's error for a read that failed.
pub(crate) fn read_error(error: &ReadError) -> ApiError {
    let kind = match error {
        ReadError::Limit(_) => ErrorKind::Execution,
        ReadError::Canceled => ErrorKind::Canceled,
        ReadError::Storage(_) => ErrorKind::Internal,
    };
    ApiError::new(kind, error.to_string())
}

/// JSON text, whole or piece by piece.
pub(crate) enum Data {
    Whole(String),
    Pieces(Box<dyn Iterator<Item = String> + Send>),
}

/// An answer that says yes.
pub(crate) struct Answer {
    /// `None`: 204, nothing to say.
    pub(crate) data: Option<Data>,
    pub(crate) warnings: Vec<String>,
    pub(crate) infos: Vec<String>,
}

pub(crate) type ApiResult = Result<Answer, ApiError>;

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answer({} warnings)", self.warnings.len())
    }
}

impl Answer {
    pub(crate) fn json(text: String) -> Self {
        Self { data: Some(Data::Whole(text)), warnings: Vec::new(), infos: Vec::new() }
    }

    /// What `write` appends.
    pub(crate) fn written(write: impl FnOnce(&mut String)) -> Self {
        let mut out = String::new();
        write(&mut out);
        Self::json(out)
    }

    pub(crate) fn nothing() -> Self {
        Self { data: None, warnings: Vec::new(), infos: Vec::new() }
    }

    pub(crate) fn warn(mut self, warning: Option<&str>) -> Self {
        self.warnings.extend(warning.map(str::to_owned));
        self
    }

    pub(crate) fn reply(self) -> Reply {
        const HEAD: &str = "{\"status\":\"success\",\"data\":";
        let mut tail = String::new();
        annotations(&mut tail, "warnings", "warning", &self.warnings);
        annotations(&mut tail, "infos", "info", &self.infos);
        tail.push('}');
        let content = match self.data {
            None => return Reply::empty(StatusCode::NO_CONTENT),
            Some(Data::Whole(data)) => Content::Whole(format!("{HEAD}{data}{tail}").into()),
            Some(Data::Pieces(pieces)) => {
                let head = std::iter::once(Bytes::from_static(HEAD.as_bytes()));
                let tail = std::iter::once(Bytes::from(tail));
                Content::Pieces(Box::new(head.chain(pieces.map(Bytes::from)).chain(tail)))
            }
        };
        Reply::new(StatusCode::OK, "application/json", content)
    }
}

fn annotations(out: &mut String, name: &str, word: &str, texts: &[String]) {
    if texts.is_empty() {
        return;
    }
    let more = texts.len().saturating_sub(ANNOTATIONS_MAX);
    let omitted = (more > 0).then(|| format!("{more} more {word} annotations omitted"));
    out.push(',');
    json::key(out, name);
    let shown = texts.iter().take(ANNOTATIONS_MAX).chain(&omitted);
    json::array(out, shown, |out, text| json::string(out, text));
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn text(reply: Reply) -> String {
        let bytes = match reply.content {
            Content::Whole(bytes) => bytes.to_vec(),
            Content::Pieces(pieces) => pieces.flat_map(|piece| piece.to_vec()).collect(),
        };
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn envelopes() {
        let mut answer = Answer::json("[1]".to_owned()).warn(Some("w"));
        answer.infos = vec!["i\"".to_owned()];
        expect![[r#"{"status":"success","data":[1],"warnings":["w"],"infos":["i\""]}"#]]
            .assert_eq(&text(answer.reply()));
        let pieces = Data::Pieces(Box::new(["[1".to_owned(), ",2]".to_owned()].into_iter()));
        let answer = Answer { data: Some(pieces), ..Answer::nothing() };
        expect![[r#"{"status":"success","data":[1,2]}"#]].assert_eq(&text(answer.reply()));
        expect![[r#"{"status":"error","errorType":"bad_data","error":"no"}"#]]
            .assert_eq(&text(ApiError::bad_data("no").reply()));
    }

    #[test]
    fn the_eleventh_warning_is_counted() {
        let warnings = |n: usize| (0..n).map(|i| i.to_string()).collect::<Vec<_>>();
        let mut out = String::new();
        annotations(&mut out, "warnings", "warning", &warnings(ANNOTATIONS_MAX));
        assert!(out.ends_with("\"9\"]"), "{out}");
        annotations(&mut out, "warnings", "warning", &warnings(ANNOTATIONS_MAX + 1));
        assert!(out.ends_with("\"9\",\"1 more warning annotations omitted\"]"), "{out}");
    }

    #[test]
    fn kinds_have_prometheus_status_codes() {
        for (kind, word, status) in [
            (ErrorKind::BadData, "bad_data", 400),
            (ErrorKind::Execution, "execution", 422),
            (ErrorKind::Canceled, "canceled", 499),
            (ErrorKind::Timeout, "timeout", 503),
            (ErrorKind::Internal, "internal", 500),
            (ErrorKind::Unavailable, "unavailable", 500),
        ] {
            assert_eq!((kind.word(), kind.status().as_u16()), (word, status));
        }
    }
}
