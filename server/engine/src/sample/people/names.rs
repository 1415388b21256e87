//! Names, as frequent as they are: tables of the U.S. Census Bureau, which are in the public
//! domain, and behind them rare names that nobody has to be called by.

use super::super::dice::Dice;

/// Names with how often each occurs.
pub(super) struct Names {
    known: Vec<&'static str>,
    /// By rank: how many people have this name or a more frequent one.
    up_to: Vec<u64>,
    ends: &'static [&'static str],
}

impl Names {
    pub(super) fn of_men() -> Self {
        Self::of(include_str!("men.txt"), 3_000, 105, &["o", "an", "us", "el", "ric", "ton"])
    }

    pub(super) fn of_women() -> Self {
        Self::of(include_str!("women.txt"), 5_000, 105, &["a", "ie", "ette", "lyn", "ia", "elle"])
    }

    pub(super) fn of_families() -> Self {
        Self::of(
            include_str!("surnames.txt"),
            150_000,
            123,
            &["", "", "son", "er", "man", "ski", "ez", "ton", "ley", "ini", "berg"],
        )
    }

    /// The tail goes on as the table's end does: the frequency falls with the rank, to the power of
    /// `steepness` hundredths.
    fn of(table: &'static str, ranks: u32, steepness: u32, ends: &'static [&'static str]) -> Self {
        let (mut known, mut up_to, mut sum, mut last) = (Vec::new(), Vec::new(), 0, 0);
        let lines = table.lines().filter(|line| !line.starts_with('#'));
        for (name, count) in lines.flat_map(str::split_whitespace).filter_map(entry) {
            sum += FINER * count;
            last = count;
            known.push(name);
            up_to.push(sum);
        }
        let head = u32::try_from(known.len()).unwrap_or(ranks);
        for rank in head..ranks {
            let part = (f64::from(head) / f64::from(rank + 1)).powf(f64::from(steepness) / 100.0);
            sum += share(FINER * last, part);
            up_to.push(sum);
        }
        Self { known, up_to, ends }
    }

    pub(super) fn draw(&self, dice: &mut Dice) -> String {
        let whole = self.up_to.last().copied().unwrap_or(1);
        let place = dice.below_long(whole);
        let rank = self.up_to.partition_point(|up_to| *up_to <= place);
        match self.known.get(rank) {
            Some(name) => (*name).to_owned(),
            None => invented(rank as u64, self.ends),
        }
    }
}

/// Counts of the tail are fractions of the table's unit.
const FINER: u64 = 64;

fn entry(text: &'static str) -> Option<(&'static str, u64)> {
    let (name, count) = text.split_once(':')?;
    Some((name, count.parse().ok()?))
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a count is a count"
)]
fn share(of: u64, part: f64) -> u64 {
    (of as f64 * part).round().max(1.0) as u64
}

/// A name that sounds like one: always the same for the same number.
pub(super) fn invented(number: u64, ends: &[&str]) -> String {
    const STARTS: [&str; 32] = [
        "b", "br", "c", "cr", "d", "dr", "f", "fl", "g", "gr", "h", "j", "k", "kl", "l", "m", "n",
        "p", "pr", "r", "s", "sch", "st", "sw", "t", "th", "tr", "v", "w", "wh", "z", "sh",
    ];
    const MIDDLES: [&str; 16] =
        ["a", "e", "i", "o", "u", "ai", "ea", "ou", "ar", "er", "in", "on", "el", "al", "or", "an"];
    const LINKS: [&str; 20] = [
        "b", "ck", "d", "ff", "g", "l", "ll", "m", "mm", "n", "nd", "ng", "r", "rt", "s", "ss",
        "st", "t", "v", "x",
    ];
    let mut left = spread(number);
    let mut take = |of: &[&'static str]| {
        let length = of.len() as u64;
        let place = usize::try_from(left % length).unwrap_or_default();
        left /= length;
        of[place]
    };
    let mut name = String::new();
    for _ in 0..=usize::from(number.is_multiple_of(3)) {
        name.push_str(take(&STARTS));
        name.push_str(take(&MIDDLES));
        name.push_str(take(&LINKS));
    }
    let place = usize::try_from(left % ends.len() as u64).unwrap_or_default();
    name.push_str(ends[place]);
    name[..1].to_uppercase() + &name[1..]
}

/// Sebastiano Vigna's splitmix64.
const fn spread(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// What people are called for short.
pub(super) fn short_forms(name: &str) -> &'static [&'static str] {
    SHORT.iter().find(|(long, _)| *long == name).map_or(&[], |(_, short)| short)
}

const SHORT: &[(&str, &[&str])] = &[
    ("Abigail", &["Abby", "Gail"]),
    ("Albert", &["Al", "Bert"]),
    ("Alexander", &["Alex", "Al"]),
    ("Alexandra", &["Alex", "Sandra"]),
    ("Alfred", &["Fred", "Al"]),
    ("Allison", &["Allie"]),
    ("Amanda", &["Mandy"]),
    ("Andrew", &["Andy", "Drew"]),
    ("Anthony", &["Tony"]),
    ("Arthur", &["Art"]),
    ("Barbara", &["Barb", "Barbie"]),
    ("Benjamin", &["Ben"]),
    ("Bernard", &["Bernie"]),
    ("Beverly", &["Bev"]),
    ("Bradley", &["Brad"]),
    ("Calvin", &["Cal"]),
    ("Catherine", &["Cathy", "Cate"]),
    ("Charles", &["Chuck", "Charlie"]),
    ("Christina", &["Tina", "Chris"]),
    ("Christine", &["Chris", "Chrissy"]),
    ("Christopher", &["Chris"]),
    ("Clifford", &["Cliff"]),
    ("Cynthia", &["Cindy"]),
    ("Daniel", &["Dan", "Danny"]),
    ("David", &["Dave"]),
    ("Deborah", &["Debbie", "Deb"]),
    ("Dennis", &["Denny"]),
    ("Donald", &["Don"]),
    ("Dorothy", &["Dot", "Dottie"]),
    ("Douglas", &["Doug"]),
    ("Edward", &["Ed", "Eddie", "Ted"]),
    ("Eleanor", &["Ellie", "Nora"]),
    ("Elizabeth", &["Liz", "Beth", "Betty"]),
    ("Eugene", &["Gene"]),
    ("Frances", &["Fran"]),
    ("Francis", &["Frank"]),
    ("Franklin", &["Frank"]),
    ("Frederick", &["Fred"]),
    ("Gabriel", &["Gabe"]),
    ("Gerald", &["Jerry"]),
    ("Gregory", &["Greg"]),
    ("Harold", &["Hal", "Harry"]),
    ("Henry", &["Hank"]),
    ("Jacob", &["Jake"]),
    ("Jacqueline", &["Jackie"]),
    ("James", &["Jim", "Jimmy"]),
    ("Janet", &["Jan"]),
    ("Jeffrey", &["Jeff"]),
    ("Jennifer", &["Jenny", "Jen"]),
    ("Jessica", &["Jess", "Jessie"]),
    ("John", &["Jack", "Johnny"]),
    ("Jonathan", &["Jon"]),
    ("Joseph", &["Joe"]),
    ("Joshua", &["Josh"]),
    ("Judith", &["Judy"]),
    ("Katherine", &["Kate", "Kathy"]),
    ("Kathleen", &["Kathy"]),
    ("Kenneth", &["Ken"]),
    ("Kimberly", &["Kim"]),
    ("Lawrence", &["Larry"]),
    ("Leonard", &["Len"]),
    ("Lillian", &["Lily"]),
    ("Margaret", &["Peggy", "Maggie", "Meg"]),
    ("Matthew", &["Matt"]),
    ("Melissa", &["Missy"]),
    ("Michael", &["Mike"]),
    ("Michelle", &["Shelly"]),
    ("Mildred", &["Millie"]),
    ("Nathaniel", &["Nate"]),
    ("Nicholas", &["Nick"]),
    ("Nicole", &["Nikki"]),
    ("Pamela", &["Pam"]),
    ("Patricia", &["Pat", "Patty", "Tricia"]),
    ("Patrick", &["Pat"]),
    ("Peter", &["Pete"]),
    ("Philip", &["Phil"]),
    ("Raymond", &["Ray"]),
    ("Rebecca", &["Becky"]),
    ("Richard", &["Rick", "Dick", "Rich"]),
    ("Robert", &["Bob", "Rob", "Bobby"]),
    ("Ronald", &["Ron"]),
    ("Samantha", &["Sam"]),
    ("Samuel", &["Sam"]),
    ("Sandra", &["Sandy"]),
    ("Stephanie", &["Steph"]),
    ("Stephen", &["Steve"]),
    ("Steven", &["Steve"]),
    ("Susan", &["Sue", "Susie"]),
    ("Theodore", &["Ted", "Theo"]),
    ("Theresa", &["Terry", "Tess"]),
    ("Thomas", &["Tom", "Tommy"]),
    ("Timothy", &["Tim"]),
    ("Victoria", &["Vicky", "Tori"]),
    ("Vincent", &["Vince"]),
    ("Virginia", &["Ginny"]),
    ("Walter", &["Walt"]),
    ("William", &["Bill", "Will", "Billy"]),
    ("Zachary", &["Zach"]),
];
