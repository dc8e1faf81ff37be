//! Photos: bytes of any camera or web page in, 8-bit RGB out; the model's input made from it exactly as Pillow does.
