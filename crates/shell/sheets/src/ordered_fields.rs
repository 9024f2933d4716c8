//! Header and text pairs as one JSON object that keeps their order.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserializer, Serializer};

type Fields = Vec<(String, String)>;

pub(crate) fn serialize<S: Serializer>(
    fields: &[(String, String)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(fields.iter().map(|(header, text)| (header, text)))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Fields, D::Error> {
    struct Pairs;

    impl<'de> Visitor<'de> for Pairs {
        type Value = Fields;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of headers and texts")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
            let mut fields = Vec::new();
            while let Some(pair) = map.next_entry()? {
                fields.push(pair);
            }
            Ok(fields)
        }
    }

    deserializer.deserialize_map(Pairs)
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Holder(#[serde(with = "super")] Vec<(String, String)>);

    #[test]
    fn fields_keep_their_order_there_and_back() {
        let fields = Holder(
            [("б", "1"), ("а", "2")]
                .map(|(h, t)| (h.to_owned(), t.to_owned()))
                .to_vec(),
        );
        let json = serde_json::to_string(&fields).unwrap();
        assert_eq!(json, r#"{"б":"1","а":"2"}"#);
        assert_eq!(serde_json::from_str::<Holder>(&json).unwrap(), fields);
    }
}
