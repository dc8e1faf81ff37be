//! Names that were perhaps meant: of categories, methods, parameters, commands, models.

/// Most names that are offered.
const MOST: usize = 5;

/// What a sentence about an unknown name says of those that are near it: ` (near: car, cart)`, or nothing.
pub fn hint<'a>(found: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    match near(found, names).join(", ") {
        near if near.is_empty() => near,
        near => format!(" (near: {near})"),
    }
}

/// The names nearest to a mistyped one, the nearest first; empty where none is near. Large and small letters are alike.
pub fn near<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = wanted.trim().to_lowercase();
    let mut found: Vec<(usize, &str)> = names
        .into_iter()
        .filter_map(|name| {
            let lower = name.to_lowercase();
            let changes = distance(&wanted, &lower);
            let part = (wanted.len() > 2 && lower.contains(&wanted)) || (lower.len() > 2 && wanted.contains(&lower));
            let letters = wanted.chars().count();
            let alike = wanted.chars().zip(lower.chars()).take_while(|(a, b)| a == b).count();
            // Two thirds of it, as in `strategy` for `strategies`.
            let begins = alike >= 4 && 3 * alike >= 2 * letters;
            // A third of the letters, as `tabel` for `dining table` is not; half where it begins alike, as `alfa` does.
            let few = changes <= letters.max(3) / 3 || (letters >= 4 && alike >= 2 && 2 * changes <= letters);
            (few || part || begins).then_some((changes, name))
        })
        .collect();
    found.sort_by_key(|(changes, _)| *changes);
    found.into_iter().map(|(_, name)| name).take(MOST).collect()
}

/// Letters to put in, take out, exchange, or swap with their neighbour (optimal string alignment), of names that may be
/// as long as they like.
fn distance(a: &str, b: &str) -> usize {
    const MOST_LETTERS: usize = 64;
    let b: Vec<char> = b.chars().take(MOST_LETTERS).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last = None;
    for (i, x) in a.chars().take(MOST_LETTERS).enumerate() {
        let mut next = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX / 2);
            let mut least = at(&row, j) + usize::from(x != *y);
            least = least.min(at(&next, j) + 1).min(at(&row, j + 1) + 1);
            let swapped = j > 0 && last == Some(*y) && b.get(j - 1) == Some(&x);
            if swapped {
                least = least.min(at(&before, j - 1) + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
        last = Some(x);
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_offered_nearest_first() {
        let names = ["person", "bicycle", "traffic light", "dog", "hot dog", "dining table", "tv"];
        let near = |wanted| near(wanted, names);
        assert_eq!(near("Dog"), ["dog", "hot dog"], "capitals do not count, parts do");
        assert_eq!(near("bycicle"), ["bicycle"], "letters exchanged");
        assert_eq!(near("trafic light"), ["traffic light"], "a letter missing");
        assert!(near("zebra").is_empty(), "nothing near");
        assert_eq!(hint("DOG", names), " (near: dog, hot dog)", "in a sentence");
        assert_eq!(hint("zebra", names), "", "nothing to say");
        assert_eq!(distance("kitten", "sitting"), 3, "the textbook's example");
        assert_eq!(super::near("strategy", ["metrics", "strategies"]), ["strategies"], "another ending");
        assert_eq!(super::near("alfa", ["alpha", "beta", "step"]), ["alpha"], "as it is heard");
        assert_eq!(super::near("vdc", ["vcd", "icd", "a"]), ["vcd"], "letters swapped");
        assert_eq!((distance("ca", "abc"), distance("", "abc"), distance("abc", "abc")), (3, 3, 0), "the other one's");
    }
}
