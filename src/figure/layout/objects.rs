//! The outline of a mask as closed lines along the edges of its pixels.

use std::collections::BTreeMap;

/// Steps to the right, down, left, up.
const STEPS: [[i64; 2]; 4] = [[1, 0], [0, 1], [-1, 0], [0, -1]];

/// Closed runs of corners, in pixels; with even-odd filling they cover exactly the mask. Corners alone: straight runs
/// are one line.
///
/// **Shape**: `inside` `[height, width]`, row-major.
pub(super) fn outline(inside: &[bool], width: usize) -> Vec<Vec<[f64; 2]>> {
    let mut edges = edges(inside, width.max(1));
    let mut lines = Vec::new();
    while let Some((&start, directions)) = edges.first_key_value() {
        let Some(first) = (0..4).find(|direction| directions[*direction]) else {
            edges.remove(&start);
            continue;
        };
        lines.push(follow(&mut edges, start, first));
    }
    lines
}

/// For every corner the directions in which an edge leaves it, with the mask on the right-hand side.
fn edges(inside: &[bool], width: usize) -> BTreeMap<[i64; 2], [bool; 4]> {
    let mut edges: BTreeMap<[i64; 2], [bool; 4]> = BTreeMap::new();
    let is_inside = |x: i64, y: i64| {
        let within = usize::try_from(x).ok().filter(|x| *x < width).zip(usize::try_from(y).ok());
        within.and_then(|(x, y)| inside.get(y * width + x)).copied().unwrap_or(false)
    };
    for (idx, _) in inside.iter().enumerate().filter(|(_, inside)| **inside) {
        let at = |count: usize| i64::try_from(count).unwrap_or(0);
        let (x, y) = (at(idx % width), at(idx / width));
        let sides =
            [([x, y - 1], [x, y]), ([x + 1, y], [x + 1, y]), ([x, y + 1], [x + 1, y + 1]), ([x - 1, y], [x, y + 1])];
        for (direction, (beyond, from)) in sides.into_iter().enumerate() {
            if !is_inside(beyond[0], beyond[1]) {
                edges.entry(from).or_default()[direction] = true;
            }
        }
    }
    edges
}

/// Walks from a corner until it is reached again, taking the edges away.
fn follow(edges: &mut BTreeMap<[i64; 2], [bool; 4]>, start: [i64; 2], first: usize) -> Vec<[f64; 2]> {
    let mut corners = Vec::new();
    let (mut at, mut direction) = (start, first);
    loop {
        if let Some(leaving) = edges.get_mut(&at) {
            leaving[direction] = false;
            if leaving.iter().all(|left| !left) {
                edges.remove(&at);
            }
        }
        at = [at[0] + STEPS[direction][0], at[1] + STEPS[direction][1]];
        // Where two pixels touch by a corner, the turn to the right keeps them apart.
        let turns = [direction + 1, direction, direction + 3].map(|turn| turn % 4);
        let next = edges.get(&at).and_then(|leaving| turns.into_iter().find(|turn| leaving[*turn]));
        let turned = next.is_none_or(|next| next != direction);
        if turned {
            corners.push([at[0] as f64, at[1] as f64]);
        }
        match next {
            Some(next) if at != start || next != first => direction = next,
            _ => return corners,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pixels whose centres lie inside of the lines, even-odd.
    fn filled(lines: &[Vec<[f64; 2]>], width: usize, height: usize) -> Vec<bool> {
        let crosses = |line: &Vec<[f64; 2]>, [x, y]: [f64; 2]| {
            let next = line.iter().cycle().skip(1);
            let hits = line
                .iter()
                .zip(next)
                .filter(|(a, b)| a[0].to_bits() == b[0].to_bits() && a[0] > x && (a[1] > y) != (b[1] > y));
            hits.count()
        };
        let centre = |idx: usize| [(idx % width) as f64 + 0.5, (idx / width) as f64 + 0.5];
        (0..width * height)
            .map(|idx| lines.iter().map(|line| crosses(line, centre(idx))).sum::<usize>() % 2 == 1)
            .collect()
    }

    #[test]
    fn outlines_cover_exactly_the_mask() {
        let masks = ["....\n.##.\n.##.\n....", "#..#\n.##.\n#..#\n####", "#####\n#...#\n#.#.#\n#...#\n#####", ".", "#"];
        for mask in masks {
            let width = mask.lines().next().map_or(0, str::len);
            let inside: Vec<bool> = mask.lines().flat_map(|line| line.chars().map(|c| c == '#')).collect();
            let lines = outline(&inside, width);
            assert_eq!(filled(&lines, width, inside.len() / width), inside, "{mask}");
        }
        assert_eq!(outline(&[true, true], 2), [[[2.0, 0.0], [2.0, 1.0], [0.0, 1.0], [0.0, 0.0]]], "corners alone");
    }
}
