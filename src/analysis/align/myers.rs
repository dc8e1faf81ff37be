//! The longest common subsequence, divided at the middle of an optimal path.

/// Pairs of equal elements, ascending on both sides and as many as there can be.
pub(super) fn common(a: &[usize], b: &[usize]) -> Vec<(usize, usize)> {
    let most = (a.len() + b.len()).div_ceil(2) + 1;
    let mut search = Search { reach: [vec![0; 2 * most + 3], vec![0; 2 * most + 3]], pairs: Vec::new() };
    search.conquer(a, b, (0, 0));
    search.pairs
}

struct Search {
    /// By diagonal: how far along `a` the paths from the start, and those from the end, have come.
    reach: [Vec<usize>; 2],
    pairs: Vec<(usize, usize)>,
}

impl Search {
    /// `at` is where `a` and `b` begin in the whole.
    fn conquer(&mut self, a: &[usize], b: &[usize], at: (usize, usize)) {
        let before = same_start(a, b);
        self.pairs.extend((0..before).map(|step| (at.0 + step, at.1 + step)));
        let (a, b, at) = (&a[before..], &b[before..], (at.0 + before, at.1 + before));
        let after = same_end(a, b);
        let (a, b) = (&a[..a.len() - after], &b[..b.len() - after]);
        if !a.is_empty()
            && !b.is_empty()
            && let Some((x, y)) = self.middle(a, b)
        {
            self.conquer(&a[..x], &b[..y], at);
            self.conquer(&a[x..], &b[y..], (at.0 + x, at.1 + y));
        }
        let end = (at.0 + a.len(), at.1 + b.len());
        self.pairs.extend((0..after).map(|step| (end.0 + step, end.1 + step)));
    }

    /// A point on an optimal path, with at least one difference before it and one behind it. `a` and `b` are not empty
    /// and begin and end with different elements.
    fn middle(&mut self, a: &[usize], b: &[usize]) -> Option<(usize, usize)> {
        let (n, m) = (a.len(), b.len());
        let most = (n + m).div_ceil(2);
        // Diagonal k = x - y stands at index k + zero, so that no number is negative.
        let zero = most + 1;
        // The diagonal k from the start is n - m - k from the end; at index `facing - index`.
        let facing = n + 2 * zero - m;
        let odd = n.abs_diff(m) % 2 == 1;
        let [forward, backward] = &mut self.reach;
        (forward[zero + 1], backward[zero + 1]) = (0, 0);
        for d in 0..=most {
            for k in (0..=d).map(|step| zero + d - 2 * step) {
                let x = furthest(forward, k, zero, d);
                let y = x + zero - k;
                let snake = if x < n && y < m { same_start(&a[x..], &b[y..]) } else { 0 };
                forward[k] = x + snake;
                let met = odd && within(facing, k, zero, d.saturating_sub(1));
                if met && forward[k] + backward[facing - k] >= n {
                    return Some((x, y));
                }
            }
            for k in (0..=d).map(|step| zero + d - 2 * step) {
                let x = furthest(backward, k, zero, d);
                let y = x + zero - k;
                let snake = if x < n && y < m { same_end(&a[..n - x], &b[..m - y]) } else { 0 };
                backward[k] = x + snake;
                let met = !odd && within(facing, k, zero, d);
                if met && backward[k] + forward[facing - k] >= n {
                    return Some((n - x - snake, m - y - snake));
                }
            }
        }
        None // there always is one
    }
}

/// One difference further than the neighbouring diagonals had come.
fn furthest(reach: &[usize], k: usize, zero: usize, d: usize) -> usize {
    if k + d == zero || (k != zero + d && reach[k - 1] < reach[k + 1]) { reach[k + 1] } else { reach[k - 1] + 1 }
}

/// Whether the paths from the other end have been on the facing diagonal with `d` differences.
fn within(facing: usize, k: usize, zero: usize, d: usize) -> bool {
    facing.checked_sub(k).is_some_and(|other| (zero - d..=zero + d).contains(&other))
}

fn same_start(a: &[usize], b: &[usize]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

fn same_end(a: &[usize], b: &[usize]) -> usize {
    a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count()
}
