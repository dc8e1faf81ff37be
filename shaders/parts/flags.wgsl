// Whether a bit of the uniform is set.
fn has(flag: u32) -> bool {
    return (u.flags & flag) != 0u;
}
