// Premultiplied source over destination.
fn over(source: vec4<f32>, destination: vec4<f32>) -> vec4<f32> {
    return source + destination * (1.0 - source.a);
}
