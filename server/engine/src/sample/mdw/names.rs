//! Names of people who do not exist: given names that anybody may have, with family names put
//! together from parts by chance.

use super::dice::Dice;

/// A name as it is written in the legacy system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) first: String,
    pub(super) last: String,
}

/// Where a name comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Culture {
    English,
    /// European names with letters beyond English.
    European,
    Indian,
    /// In Japanese script.
    Japanese,
    /// In Thai script.
    Thai,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sex {
    Male,
    Female,
}

pub(super) fn of(dice: &mut Dice, culture: Culture, sex: Sex) -> Name {
    match culture {
        Culture::English => Name { first: english(dice, sex).to_owned(), last: surname(dice) },
        Culture::European => {
            let (first, _) = dice.any(match sex {
                Sex::Male => EUROPEAN_MALE,
                Sex::Female => EUROPEAN_FEMALE,
            });
            let last = format!("{}{}", dice.pick(EUROPEAN_START), dice.pick(EUROPEAN_END));
            Name { first: first.to_owned(), last }
        }
        Culture::Indian => {
            let first = dice.pick(match sex {
                Sex::Male => INDIAN_MALE,
                Sex::Female => INDIAN_FEMALE,
            });
            let last = format!("{}{}", dice.pick(INDIAN_START), dice.pick(INDIAN_END));
            Name { first: first.to_owned(), last }
        }
        Culture::Japanese | Culture::Thai => in_script(dice, culture, sex).0,
    }
}

/// A name in script and the same name in Latin letters.
pub(super) fn in_script(dice: &mut Dice, culture: Culture, sex: Sex) -> (Name, Name) {
    let (given, starts, ends) = match (culture, sex) {
        (Culture::Thai, Sex::Male) => (THAI_MALE, THAI_START, THAI_END),
        (Culture::Thai, Sex::Female) => (THAI_FEMALE, THAI_START, THAI_END),
        (_, Sex::Male) => (JAPANESE_MALE, JAPANESE_START, JAPANESE_END),
        (_, Sex::Female) => (JAPANESE_FEMALE, JAPANESE_START, JAPANESE_END),
    };
    let (first, first_latin) = dice.any(given);
    let (start, start_latin) = dice.any(starts);
    let (end, end_latin) = dice.any(ends);
    (
        Name { first: first.to_owned(), last: format!("{start}{end}") },
        Name { first: first_latin.to_owned(), last: format!("{start_latin}{end_latin}") },
    )
}

/// A European name with its own letters, and as a clerk without them writes it.
pub(super) fn with_diacritics(dice: &mut Dice, sex: Sex) -> (Name, Name) {
    let (first, plain) = dice.any(match sex {
        Sex::Male => EUROPEAN_MALE,
        Sex::Female => EUROPEAN_FEMALE,
    });
    let last = format!("{}{}", dice.pick(EUROPEAN_START), dice.pick(EUROPEAN_END));
    let plain = Name { first: plain.to_owned(), last: without_diacritics(&last) };
    (Name { first: first.to_owned(), last }, plain)
}

/// A given name in full and what friends call its bearer.
pub(super) fn nickname(dice: &mut Dice, sex: Sex) -> (&'static str, &'static str) {
    dice.any(match sex {
        Sex::Male => NICKNAMES_MALE,
        Sex::Female => NICKNAMES_FEMALE,
    })
}

/// The name with one slip of the fingers in it, never the name itself.
pub(super) fn misspelt(dice: &mut Dice, name: &Name) -> Name {
    let in_last = dice.permille(650);
    let word = if in_last { &name.last } else { &name.first };
    let mut letters: Vec<char> = word.chars().collect();
    loop {
        let place = 1 + dice.index(letters.len().saturating_sub(2).max(1));
        match dice.below(4) {
            0 if letters.len() > place + 1 && letters[place] != letters[place + 1] => {
                letters.swap(place, place + 1);
            }
            1 if letters.len() > 3 => {
                letters.remove(place);
            }
            2 => letters.insert(place, letters[place - 1].to_ascii_lowercase()),
            _ => {
                let slip = dice.any(&['a', 'e', 'i', 'o', 'r', 't', 's', 'n']);
                if letters[place.min(letters.len() - 1)] == slip {
                    continue;
                }
                let place = place.min(letters.len() - 1);
                letters[place] = slip;
            }
        }
        let slipped: String = letters.iter().collect();
        if slipped != *word {
            return if in_last {
                Name { first: name.first.clone(), last: slipped }
            } else {
                Name { first: slipped, last: name.last.clone() }
            };
        }
    }
}

/// A business's first word.
pub(super) fn place(dice: &mut Dice) -> String {
    format!("{}{}", dice.pick(START), dice.pick(END))
}

fn english(dice: &mut Dice, sex: Sex) -> &'static str {
    if dice.permille(300) {
        return nickname(dice, sex).0;
    }
    dice.pick(match sex {
        Sex::Male => MALE,
        Sex::Female => FEMALE,
    })
}

fn surname(dice: &mut Dice) -> String {
    let plain = place(dice);
    match dice.below(40) {
        0 => format!("{plain}-{}", place(dice)),
        1 => format!("O'{plain}"),
        2 => format!("Mc{plain}"),
        _ => plain,
    }
}

fn without_diacritics(text: &str) -> String {
    text.chars()
        .map(|c| {
            match c {
                'ä' | 'á' | 'â' | 'å' | 'ã' | 'à' => "a",
                'é' | 'è' | 'ê' | 'ë' | 'ě' | 'ę' => "e",
                'í' | 'î' | 'ï' => "i",
                'ö' | 'ó' | 'ô' | 'ø' | 'õ' => "o",
                'ü' | 'ú' | 'ů' => "u",
                'ç' | 'č' => "c",
                'ñ' | 'ň' => "n",
                'ř' => "r",
                'š' => "s",
                'ž' | 'ż' => "z",
                'ł' => "l",
                'ý' => "y",
                'Å' => "A",
                'Č' => "C",
                'Ö' | 'Ø' => "O",
                'Š' => "S",
                'Ž' => "Z",
                'Ł' => "L",
                _ => return c.to_string(),
            }
            .to_owned()
        })
        .collect()
}

const MALE: &[&str] = &[
    "Aidan", "Adrian", "Alvin", "Bennett", "Brock", "Caleb", "Carter", "Colin", "Damian", "Derek",
    "Dexter", "Edgar", "Elliot", "Emmett", "Felix", "Floyd", "Gareth", "Gavin", "Grant", "Harvey",
    "Hugo", "Ian", "Jasper", "Joel", "Julian", "Keith", "Lance", "Leon", "Liam", "Logan", "Lucas",
    "Marcus", "Mason", "Miles", "Neil", "Nolan", "Oscar", "Owen", "Perry", "Quentin", "Ralph",
    "Reed", "Roland", "Ross", "Rufus", "Seth", "Silas", "Simon", "Trevor", "Tristan", "Victor",
    "Warren", "Wesley", "Zane",
];
const FEMALE: &[&str] = &[
    "Ada", "Alina", "Amber", "Audrey", "Avery", "Bianca", "Bridget", "Camille", "Carla", "Celia",
    "Clara", "Daphne", "Delia", "Edith", "Elena", "Elise", "Esther", "Faye", "Fiona", "Flora",
    "Gemma", "Greta", "Hazel", "Helen", "Imogen", "Iris", "Ivy", "Jade", "June", "Kira", "Lara",
    "Laurel", "Leona", "Lydia", "Mabel", "Marina", "Mira", "Nadia", "Naomi", "Nora", "Olive",
    "Paige", "Petra", "Quinn", "Rhea", "Rosa", "Ruby", "Selma", "Stella", "Tessa", "Thea", "Una",
    "Vera", "Willa", "Yvonne",
];
const NICKNAMES_MALE: &[(&str, &str)] = &[
    ("Alexander", "Alex"),
    ("Andrew", "Andy"),
    ("Anthony", "Tony"),
    ("Benjamin", "Ben"),
    ("Charles", "Charlie"),
    ("Christopher", "Chris"),
    ("Daniel", "Dan"),
    ("Edward", "Ted"),
    ("Frederick", "Fred"),
    ("Gregory", "Greg"),
    ("Henry", "Hank"),
    ("James", "Jim"),
    ("Jonathan", "Jon"),
    ("Joseph", "Joe"),
    ("Lawrence", "Larry"),
    ("Matthew", "Matt"),
    ("Michael", "Mike"),
    ("Nicholas", "Nick"),
    ("Patrick", "Pat"),
    ("Peter", "Pete"),
    ("Richard", "Dick"),
    ("Robert", "Bob"),
    ("Samuel", "Sam"),
    ("Stephen", "Steve"),
    ("Theodore", "Theo"),
    ("Thomas", "Tom"),
    ("Timothy", "Tim"),
    ("William", "Bill"),
];
const NICKNAMES_FEMALE: &[(&str, &str)] = &[
    ("Abigail", "Abby"),
    ("Alexandra", "Sandra"),
    ("Amanda", "Mandy"),
    ("Barbara", "Barb"),
    ("Catherine", "Cathy"),
    ("Charlotte", "Lottie"),
    ("Christina", "Tina"),
    ("Deborah", "Debbie"),
    ("Dorothy", "Dot"),
    ("Eleanor", "Nell"),
    ("Elizabeth", "Beth"),
    ("Gabrielle", "Gabby"),
    ("Gertrude", "Trudy"),
    ("Isabella", "Bella"),
    ("Jacqueline", "Jackie"),
    ("Jennifer", "Jenny"),
    ("Judith", "Judy"),
    ("Katherine", "Kate"),
    ("Madeleine", "Maddie"),
    ("Margaret", "Peggy"),
    ("Nicole", "Nikki"),
    ("Pamela", "Pam"),
    ("Patricia", "Patty"),
    ("Rebecca", "Becky"),
    ("Samantha", "Sam"),
    ("Susan", "Sue"),
    ("Theresa", "Terry"),
    ("Victoria", "Vicky"),
];
const START: &[&str] = &[
    "Ash", "Bram", "Cald", "Dun", "Elder", "Fair", "Glen", "Hart", "Iver", "Jas", "Kelder", "Lang",
    "Mar", "Nether", "Oak", "Pem", "Quill", "Raven", "Stan", "Thorn", "Umber", "Vex", "Whit",
    "Yarn", "Zel", "Brindle", "Copper", "Drift", "Ember", "Frost", "Gold", "Hollow", "Lark",
    "Mist", "North", "Otter", "Pine", "Rook", "Silver", "Tarn",
];
const END: &[&str] = &[
    "acre", "bourne", "brook", "combe", "croft", "dale", "den", "fell", "ford", "gate", "grove",
    "hollow", "hurst", "keep", "ley", "lock", "mere", "moor", "more", "ness", "quist", "ridge",
    "row", "shaw", "stead", "thwaite", "vale", "wick", "wood", "worthy",
];
const EUROPEAN_MALE: &[(&str, &str)] = &[
    ("André", "Andre"),
    ("Björn", "Bjorn"),
    ("Jürgen", "Jurgen"),
    ("José", "Jose"),
    ("Łukasz", "Lukasz"),
    ("Matěj", "Matej"),
    ("Noël", "Noel"),
    ("René", "Rene"),
    ("Søren", "Soren"),
    ("Tomáš", "Tomas"),
    ("Žarko", "Zarko"),
];
const EUROPEAN_FEMALE: &[(&str, &str)] = &[
    ("Agnès", "Agnes"),
    ("Brünhild", "Brunhild"),
    ("Céline", "Celine"),
    ("Désirée", "Desiree"),
    ("Gülsen", "Gulsen"),
    ("Inés", "Ines"),
    ("Małgorzata", "Malgorzata"),
    ("Renée", "Renee"),
    ("Šárka", "Sarka"),
    ("Zoë", "Zoe"),
];
const EUROPEAN_START: &[&str] = &[
    "Brån", "Čern", "Dův", "Fjör", "Grün", "Hél", "Jäg", "Köl", "Läm", "Møl", "Núñ", "Rój", "Šum",
    "Vël",
];
const EUROPEAN_END: &[&str] = &[
    "avik", "dorff", "ersky", "evrault", "holt", "inczak", "lund", "mosen", "owicz", "quez",
    "stein", "vang",
];
const INDIAN_MALE: &[&str] = &[
    "Aarav", "Arjun", "Dev", "Ishaan", "Kabir", "Karthik", "Manish", "Nikhil", "Pranav", "Rohan",
    "Sanjay", "Suresh", "Tarun", "Varun", "Vikram", "Yash",
];
const INDIAN_FEMALE: &[&str] = &[
    "Aditi", "Ananya", "Deepa", "Divya", "Isha", "Kavya", "Lakshmi", "Meera", "Neha", "Pooja",
    "Priya", "Radha", "Rani", "Sita", "Tara", "Usha",
];
const INDIAN_START: &[&str] = &[
    "Amra", "Bhad", "Chand", "Dhar", "Gov", "Har", "Jaya", "Kel", "Mahan", "Nil", "Pad", "Rav",
    "Sund", "Vas",
];
const INDIAN_END: &[&str] = &[
    "akar", "anathi", "appan", "ekar", "eshri", "iwala", "kanti", "ondkar", "rupa", "simhan",
    "udeva", "vati",
];
const JAPANESE_MALE: &[(&str, &str)] = &[
    ("大輝", "Daiki"),
    ("翔太", "Shota"),
    ("健一", "Kenichi"),
    ("拓海", "Takumi"),
    ("直樹", "Naoki"),
    ("悠人", "Yuto"),
    ("亮", "Ryo"),
    ("誠", "Makoto"),
];
const JAPANESE_FEMALE: &[(&str, &str)] = &[
    ("遥", "Haruka"),
    ("美咲", "Misaki"),
    ("葵", "Aoi"),
    ("結衣", "Yui"),
    ("陽子", "Yoko"),
    ("恵", "Megumi"),
    ("桜", "Sakura"),
    ("真由", "Mayu"),
];
const JAPANESE_START: &[(&str, &str)] = &[
    ("霧", "Kiri"),
    ("月", "Tsuki"),
    ("星", "Hoshi"),
    ("雪", "Yuki"),
    ("虹", "Niji"),
    ("鶴", "Tsuru"),
    ("柳", "Yanagi"),
    ("朝", "Asa"),
    ("笹", "Sasa"),
    ("露", "Tsuyu"),
    ("鈴", "Suzu"),
    ("霜", "Shimo"),
];
const JAPANESE_END: &[(&str, &str)] = &[
    ("ヶ淵", "gafuchi"),
    ("橋原", "hashihara"),
    ("見里", "misato"),
    ("坂部", "sakabe"),
    ("沢野", "sawano"),
    ("船戸", "funado"),
    ("窪", "kubo"),
    ("滝川", "takigawa"),
    ("浜路", "hamaji"),
    ("森江", "morie"),
];
const THAI_MALE: &[(&str, &str)] = &[
    ("สมชาย", "Somchai"),
    ("อนันต์", "Anan"),
    ("ธนา", "Thana"),
    ("กิตติ", "Kitti"),
    ("วิชัย", "Wichai"),
    ("ปรีชา", "Pricha"),
];
const THAI_FEMALE: &[(&str, &str)] = &[
    ("มะลิ", "Mali"),
    ("สุดา", "Suda"),
    ("กานดา", "Kanda"),
    ("รัตนา", "Rattana"),
    ("อรุณี", "Arunee"),
    ("ดารา", "Dara"),
];
const THAI_START: &[(&str, &str)] = &[
    ("แสง", "Saeng"),
    ("ทอง", "Thong"),
    ("ศรี", "Sri"),
    ("เมฆ", "Mek"),
    ("ดาว", "Dao"),
    ("ฟ้า", "Fa"),
    ("น้ำ", "Nam"),
    ("ไพร", "Phrai"),
];
const THAI_END: &[(&str, &str)] = &[
    ("วารี", "wari"),
    ("พนา", "phana"),
    ("จันทรา", "chantra"),
    ("มณีกุล", "manikun"),
    ("สุขใจดี", "sukchaidi"),
    ("รุ่งเรือง", "rungrueang"),
    ("ลำธาร", "lamthan"),
    ("เพชรดำ", "phetdam"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_is_another_name() {
        let mut dice = Dice::new(7, "names");
        for _ in 0..1000 {
            let name = of(&mut dice, Culture::English, Sex::Female);
            assert_ne!(misspelt(&mut dice, &name), name);
        }
    }

    #[test]
    fn a_name_in_script_comes_with_its_latin_form() {
        let mut dice = Dice::new(7, "names");
        for culture in [Culture::Japanese, Culture::Thai] {
            for sex in [Sex::Male, Sex::Female] {
                let (script, latin) = in_script(&mut dice, culture, sex);
                assert!(!script.first.is_ascii() && !script.last.is_ascii());
                assert!(latin.first.is_ascii() && latin.last.is_ascii());
            }
        }
        let (own, plain) = with_diacritics(&mut dice, Sex::Male);
        assert!(!own.last.is_ascii() && plain.last.is_ascii() && plain.first.is_ascii());
    }
}
