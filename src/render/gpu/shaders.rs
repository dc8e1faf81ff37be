//! The shaders, each joined of a file of its own and of the parts that it shares with others.

use std::borrow::Cow;

macro_rules! part {
    ($name:ident) => {
        include_str!(concat!("../../../shaders/parts/", stringify!($name), ".wgsl"))
    };
}

macro_rules! shaders {
    ($($(#[$doc:meta])* $shader:ident: $file:ident + $($part:ident)*;)*) => {
        $(
            $(#[$doc])*
            pub(super) const $shader: Shader = Shader {
                name: stringify!($file),
                own: include_str!(concat!("../../../shaders/", stringify!($file), ".wgsl")),
                parts: &[$((stringify!($part), part!($part))),*],
            };
        )*

        /// Every shader of the screen.
        pub const SHADERS: &[Shader] = &[$($shader),*];
    };
}

/// A shader in WGSL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shader {
    /// Name of its file in `shaders`.
    pub name: &'static str,
    own: &'static str,
    /// Names and texts of what it shares, files in `shaders/parts`.
    pub parts: &'static [(&'static str, &'static str)],
}

impl Shader {
    /// The whole text; its own file comes first, so that errors count its lines.
    pub fn source(&self) -> Cow<'static, str> {
        let texts = std::iter::once(self.own).chain(self.parts.iter().map(|(_, text)| *text));
        texts.collect::<Vec<_>>().join("\n").into()
    }
}

shaders! {
    /// A photo with its heat map.
    HEAT: heat + triangle inside flags over photo missing gamma;
    /// All layers and heads of a token.
    GRID: grid + corner missing gamma;
    /// A map against a mask.
    OVERLAP: overlap + triangle inside missing;
    /// Masks of objects.
    MASK: mask + corner inside over;
    /// A darkened photo.
    PROMPT: prompt + triangle inside flags photo gamma;
}
