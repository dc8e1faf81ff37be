// A corner of a rectangle of two triangles, by its vertex: corners 0 1 2 and 3 2 1.
fn corner_of(vertex: u32) -> vec2<u32> {
    let corner = select(vertex, 5u - vertex, vertex > 2u) + select(0u, 1u, vertex > 2u);
    return vec2<u32>(corner & 1u, corner >> 1u);
}
