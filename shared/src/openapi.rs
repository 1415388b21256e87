//! What the derived description of a type cannot know.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};

/// One of these texts. Names that a macro writes are out of the derive's sight.
pub(crate) fn one_of(names: impl Iterator<Item = &'static str>) -> RefOr<Schema> {
    let text = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
    Schema::Object(text.enum_values(Some(names)).build()).into()
}

#[cfg(test)]
mod tests {
    use utoipa::PartialSchema;

    use crate::audit::Action;
    use crate::error_code::ErrorCode;

    #[test]
    fn names_are_described_as_they_are_sent() {
        let actions = serde_json::to_value(Action::schema()).unwrap();
        assert_eq!(actions["enum"][0], serde_json::to_value(Action::ALL[0]).unwrap());
        let codes = serde_json::to_value(ErrorCode::schema()).unwrap();
        assert_eq!(codes["enum"].as_array().unwrap().len(), ErrorCode::ALL.len());
        assert_eq!(codes["enum"][0], "CONN-001");
    }
}
