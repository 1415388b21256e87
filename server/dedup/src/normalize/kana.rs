//! Kana as Latin letters (Hepburn, long vowels short), so that さとう, サトウ and Sato meet.

/// Hiragana, katakana and the mark of a long vowel.
pub(super) fn is_kana(c: char) -> bool {
    matches!(u32::from(c), 0x3041..=0x3096 | 0x30a1..=0x30fa | 0x30fc)
}

/// Every kana of a text as Latin letters; the rest stays.
pub(super) fn romanise(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut double = false;
    for c in text.chars() {
        if !is_kana(c) {
            out.push(c);
            double = false;
            continue;
        }
        let c = hiragana(c);
        match c {
            'っ' => double = true,
            'ー' => {}
            'ゃ' | 'ゅ' | 'ょ' => contract(&mut out, c),
            'ぁ' | 'ぃ' | 'ぅ' | 'ぇ' | 'ぉ' => {
                // ファ is fa, not fua.
                if out.ends_with(['a', 'i', 'u', 'e', 'o']) {
                    out.pop();
                }
                out.push_str(syllable(c));
            }
            _ => {
                let text = syllable(c);
                if double && let Some(first) = text.chars().next() {
                    out.push(first);
                }
                let long = match text {
                    "u" => out.ends_with(['o', 'u']),
                    "o" => out.ends_with('o'),
                    _ => false,
                };
                if !long {
                    out.push_str(text);
                }
            }
        }
        if c != 'っ' {
            double = false;
        }
    }
    out
}

fn hiragana(c: char) -> char {
    match u32::from(c) {
        code @ 0x30a1..=0x30f6 => char::from_u32(code - 0x60).unwrap_or(c),
        _ => c,
    }
}

/// き and ゃ are kya, し and ゃ are sha.
fn contract(out: &mut String, small: char) {
    if out.ends_with('i') {
        out.pop();
    }
    let soft = out.ends_with("sh") || out.ends_with("ch") || out.ends_with('j');
    if !soft {
        out.push('y');
    }
    out.push(match small {
        'ゃ' => 'a',
        'ゅ' => 'u',
        _ => 'o',
    });
}

fn syllable(c: char) -> &'static str {
    const SYLLABLES: &[(char, &str)] = &[
        ('あ', "a"),
        ('い', "i"),
        ('う', "u"),
        ('え', "e"),
        ('お', "o"),
        ('ぁ', "a"),
        ('ぃ', "i"),
        ('ぅ', "u"),
        ('ぇ', "e"),
        ('ぉ', "o"),
        ('か', "ka"),
        ('き', "ki"),
        ('く', "ku"),
        ('け', "ke"),
        ('こ', "ko"),
        ('が', "ga"),
        ('ぎ', "gi"),
        ('ぐ', "gu"),
        ('げ', "ge"),
        ('ご', "go"),
        ('さ', "sa"),
        ('し', "shi"),
        ('す', "su"),
        ('せ', "se"),
        ('そ', "so"),
        ('ざ', "za"),
        ('じ', "ji"),
        ('ず', "zu"),
        ('ぜ', "ze"),
        ('ぞ', "zo"),
        ('た', "ta"),
        ('ち', "chi"),
        ('つ', "tsu"),
        ('て', "te"),
        ('と', "to"),
        ('だ', "da"),
        ('ぢ', "ji"),
        ('づ', "zu"),
        ('で', "de"),
        ('ど', "do"),
        ('な', "na"),
        ('に', "ni"),
        ('ぬ', "nu"),
        ('ね', "ne"),
        ('の', "no"),
        ('は', "ha"),
        ('ひ', "hi"),
        ('ふ', "fu"),
        ('へ', "he"),
        ('ほ', "ho"),
        ('ば', "ba"),
        ('び', "bi"),
        ('ぶ', "bu"),
        ('べ', "be"),
        ('ぼ', "bo"),
        ('ぱ', "pa"),
        ('ぴ', "pi"),
        ('ぷ', "pu"),
        ('ぺ', "pe"),
        ('ぽ', "po"),
        ('ま', "ma"),
        ('み', "mi"),
        ('む', "mu"),
        ('め', "me"),
        ('も', "mo"),
        ('や', "ya"),
        ('ゆ', "yu"),
        ('よ', "yo"),
        ('ら', "ra"),
        ('り', "ri"),
        ('る', "ru"),
        ('れ', "re"),
        ('ろ', "ro"),
        ('わ', "wa"),
        ('ゐ', "i"),
        ('ゑ', "e"),
        ('を', "o"),
        ('ん', "n"),
        ('ゔ', "vu"),
    ];
    SYLLABLES.iter().find(|(kana, _)| *kana == c).map_or("", |(_, text)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kana_read_as_people_write_them_in_latin_letters() {
        for (kana, latin) in [
            ("たろう", "taro"),
            ("ゆうき", "yuki"),
            ("おおの", "ono"),
            ("きょうこ", "kyoko"),
            ("しょうた", "shota"),
            ("じゅん", "jun"),
            ("はっとり", "hattori"),
            ("マリー", "mari"),
            ("ファティマ", "fatima"),
            ("しんいち", "shinichi"),
        ] {
            assert_eq!(romanise(kana), latin, "{kana}");
        }
    }
}
