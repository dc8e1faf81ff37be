// Whether a point lies in a rectangle from the origin on.
fn inside(p: vec2<f32>, size: vec2<f32>) -> bool {
    return all(p >= vec2<f32>(0.0)) && all(p < size);
}
