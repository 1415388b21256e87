//! Addresses taken apart: house number, street, unit, city, postcode, state.

use super::text;

/// A street address. Empty means not known.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct StreetAddress {
    /// `12`, `12a`.
    pub house: String,
    /// Without spaces, so that `lubuma place` and `lubumaplace` stay close: `lubumapl`.
    pub street: String,
    /// Flat, suite, building; or all of a second address line. Without spaces.
    pub unit: String,
}

/// Takes a street address apart. `house` and `unit` are columns of their own where they exist.
/// `address` is overwritten, and `cleaned` is only room to work in.
pub fn parse(
    house: &str,
    street: &str,
    unit: &str,
    address: &mut StreetAddress,
    cleaned: &mut String,
) {
    for part in [&mut address.house, &mut address.street, &mut address.unit, cleaned] {
        part.clear();
    }
    if !text::is_blank(house) {
        text::joined(house, &mut address.house);
    }
    if !text::is_blank(unit) {
        text::words(unit, cleaned);
        for word in cleaned.split_ascii_whitespace().filter(|word| !is_unit_marker(word)) {
            address.unit.push_str(short_form(word));
        }
        cleaned.clear();
    }
    if text::is_blank(street) {
        return;
    }
    // Capitals of a text in ASCII are folded with its words.
    let plain = if street.is_ascii() { street.into() } else { text::fold(street) };
    // `#4` is a unit, whatever the words around it.
    let marked = if plain.contains('#') { plain.replace('#', " unit ").into() } else { plain };
    text::folded_words(&marked, cleaned);
    let mut words = cleaned.split_ascii_whitespace().peekable();
    let mut first = true;
    let mut last_number = None;
    while let Some(word) = words.next() {
        let numeric = word.starts_with(|c: char| c.is_ascii_digit());
        if is_unit_marker(word) && words.peek().is_some_and(|next| is_unit_name(next)) {
            let name = words.next().unwrap_or_default();
            if address.unit.is_empty() {
                address.unit.push_str(name);
            }
        } else if word == "po" && words.peek() == Some(&"box") {
            words.next();
            address.street.push_str("pobox");
        } else if first && numeric && address.house.is_empty() {
            // `3/17 Mill Road` is flat 3 of house 17.
            match words.peek() {
                Some(next)
                    if marked.contains('/') && next.starts_with(|c: char| c.is_ascii_digit()) =>
                {
                    if address.unit.is_empty() {
                        address.unit.push_str(word);
                    }
                    address.house.push_str(next);
                    words.next();
                }
                _ => address.house.push_str(word),
            }
        } else {
            if numeric {
                last_number = Some((address.street.len(), word));
            }
            push_word(word, &mut address.street);
        }
        first = false;
    }
    // `Hauptstr. 12a`: the number stands behind.
    if address.house.is_empty()
        && let Some((at, number)) = last_number
        && at > 0
        && address.street.len() == at + number.len()
    {
        address.street.truncate(at);
        address.house.push_str(number);
    }
}

/// A city without spaces, with its usual short forms. `cleaned` is only room to work in.
pub fn city(raw: &str, out: &mut String, cleaned: &mut String) {
    if text::is_blank(raw) {
        return;
    }
    cleaned.clear();
    text::words(raw, cleaned);
    for word in cleaned.split_ascii_whitespace() {
        out.push_str(match word {
            "saint" => "st",
            "sainte" => "ste",
            "mount" => "mt",
            "fort" => "ft",
            _ => word,
        });
    }
}

/// Letters and digits of a postcode; ZIP without +4, and without the zeros that spreadsheets lose.
pub fn postcode(raw: &str, out: &mut String) {
    if text::is_blank(raw) {
        return;
    }
    let start = out.len();
    let raw = raw.trim();
    // Spreadsheets also make 2155.0 of 2155.
    let raw = raw.strip_suffix(".0").unwrap_or(raw);
    text::joined(raw, out);
    if !out[start..].bytes().all(|byte| byte.is_ascii_digit()) {
        return;
    }
    if out.len() - start == 9 {
        out.truncate(start + 5);
    }
    let zeros = out[start..].bytes().take_while(|byte| *byte == b'0').count();
    if zeros > 0 {
        out.replace_range(start..start + zeros, "");
    }
}

/// The code of a state, or its name without spaces.
pub fn state(raw: &str, out: &mut String) {
    if text::is_blank(raw) {
        return;
    }
    let start = out.len();
    text::joined(raw, out);
    // No name is as short as the codes are.
    if out.len() < start + 4 {
        return;
    }
    if let Some((code, _)) = STATES.iter().find(|(_, name)| *name == &out[start..]) {
        out.truncate(start);
        out.push_str(code);
    }
}

fn push_word(word: &str, out: &mut String) {
    match word.strip_suffix("strasse") {
        Some(stem) if !stem.is_empty() => {
            out.push_str(stem);
            out.push_str("str");
        }
        _ => out.push_str(short_form(word)),
    }
}

fn is_unit_marker(word: &str) -> bool {
    matches!(
        word,
        "apt"
            | "apartment"
            | "unit"
            | "suite"
            | "ste"
            | "flat"
            | "floor"
            | "fl"
            | "room"
            | "rm"
            | "bldg"
            | "building"
            | "lot"
            | "apto"
            | "appt"
    )
}

/// What can stand behind a marker: `4`, `4b`, `b`.
fn is_unit_name(word: &str) -> bool {
    word.len() == 1 || word.bytes().any(|byte| byte.is_ascii_digit())
}

/// The short forms of the United States Postal Service, and a few from elsewhere.
fn short_form(word: &str) -> &str {
    match word {
        "street" | "str" | "strt" | "strasse" | "saint" => "st",
        "avenue" | "av" | "aven" | "avenida" => "ave",
        "road" => "rd",
        "drive" | "drv" => "dr",
        "lane" => "ln",
        "court" | "crt" => "ct",
        "place" => "pl",
        "boulevard" | "boul" | "blv" => "blvd",
        "circuit" => "cct",
        "circle" | "circ" => "cir",
        "crescent" | "cres" => "cr",
        "close" => "cl",
        "parade" | "pde" => "pd",
        "parkway" | "pkwy" | "parkwy" => "pky",
        "highway" | "hwy" => "hw",
        "terrace" | "terr" | "tce" => "ter",
        "square" => "sq",
        "trail" => "trl",
        "grove" => "gr",
        "way" => "wy",
        "north" => "n",
        "south" => "s",
        "east" => "e",
        "west" => "w",
        "northeast" => "ne",
        "northwest" => "nw",
        "southeast" => "se",
        "southwest" => "sw",
        "mount" => "mt",
        "fort" => "ft",
        "heights" => "hts",
        "point" => "pt",
        "center" | "centre" => "ctr",
        other => other,
    }
}

const STATES: &[(&str, &str)] = &[
    ("al", "alabama"),
    ("ak", "alaska"),
    ("az", "arizona"),
    ("ar", "arkansas"),
    ("ca", "california"),
    ("co", "colorado"),
    ("ct", "connecticut"),
    ("de", "delaware"),
    ("dc", "districtofcolumbia"),
    ("fl", "florida"),
    ("ga", "georgia"),
    ("hi", "hawaii"),
    ("id", "idaho"),
    ("il", "illinois"),
    ("in", "indiana"),
    ("ia", "iowa"),
    ("ks", "kansas"),
    ("ky", "kentucky"),
    ("la", "louisiana"),
    ("me", "maine"),
    ("md", "maryland"),
    ("ma", "massachusetts"),
    ("mi", "michigan"),
    ("mn", "minnesota"),
    ("ms", "mississippi"),
    ("mo", "missouri"),
    ("mt", "montana"),
    ("ne", "nebraska"),
    ("nv", "nevada"),
    ("nh", "newhampshire"),
    ("nj", "newjersey"),
    ("nm", "newmexico"),
    ("ny", "newyork"),
    ("nc", "northcarolina"),
    ("nd", "northdakota"),
    ("oh", "ohio"),
    ("ok", "oklahoma"),
    ("or", "oregon"),
    ("pa", "pennsylvania"),
    ("pr", "puertorico"),
    ("ri", "rhodeisland"),
    ("sc", "southcarolina"),
    ("sd", "southdakota"),
    ("tn", "tennessee"),
    ("tx", "texas"),
    ("ut", "utah"),
    ("vt", "vermont"),
    ("va", "virginia"),
    ("wa", "washington"),
    ("wv", "westvirginia"),
    ("wi", "wisconsin"),
    ("wy", "wyoming"),
    ("nsw", "newsouthwales"),
    ("vic", "victoria"),
    ("qld", "queensland"),
    ("sa", "southaustralia"),
    ("wa", "westernaustralia"),
    ("tas", "tasmania"),
    ("nt", "northernterritory"),
    ("act", "australiancapitalterritory"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(house: &str, street: &str, unit: &str, expected: [&str; 3]) {
        // What stood there before is gone.
        let mut address = StreetAddress { unit: "9".to_owned(), ..StreetAddress::default() };
        parse(house, street, unit, &mut address, &mut "x".to_owned());
        assert_eq!([&*address.house, &*address.street, &*address.unit], expected);
    }

    #[test]
    fn one_address_is_the_same_however_it_is_written() {
        for street in ["12 North Mill Road Apt 4B", "12 N Mill Rd #4B", "12 N. Mill Rd., Unit 4b"] {
            check("", street, "", ["12", "nmillrd", "4b"]);
        }
        check("12", "North Mill Road", "Flat 4B", ["12", "nmillrd", "4b"]);
        check("", "Hauptstraße 12a", "", ["12a", "hauptstr", ""]);
        check("", "3/17 Mill Road", "", ["17", "millrd", "3"]);
        check("", "PO Box 77", "", ["77", "pobox", ""]);
        check("109", "aston crescent", "loma langie", ["109", "astoncr", "lomalangie"]);
    }

    #[test]
    fn nothing_is_made_of_nothing() {
        check("", "", "", ["", "", ""]);
        check("NA", "unknown", "-", ["", "", ""]);
    }

    #[test]
    fn postcodes_cities_and_states_have_one_form() {
        let city = |raw: &str, out: &mut String| city(raw, out, &mut "x".to_owned());
        let read = |reader: fn(&str, &mut String), raw: &str| {
            let mut out = "kept ".to_owned();
            reader(raw, &mut out);
            out.split_off(5)
        };
        assert_eq!(read(postcode, "02155-1234"), "2155");
        assert_eq!(read(postcode, "2155.0"), "2155");
        assert_eq!(read(postcode, "SW1A 1AA"), "sw1a1aa");
        assert_eq!(read(city, "Saint James"), "stjames");
        assert_eq!(read(city, "coober pedy"), "cooberpedy");
        assert_eq!(read(state, "New South Wales"), "nsw");
        assert_eq!(read(state, "MA"), "ma");
    }
}
