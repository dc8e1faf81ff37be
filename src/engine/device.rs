//! Where to run and in which type: preferences made concrete.

use super::error::EngineError;
use super::messages::{DevicePreference, DtypePreference};
use candle_core::{DType, Device};

/// What a model runs on.
#[derive(Debug, Clone)]
pub struct Place {
    /// The device.
    pub device: Device,
    /// The type weights and activations have on it; softmax and probabilities are always f32.
    pub dtype: DType,
}

impl Place {
    /// Makes preferences concrete. `own` is the checkpoint's type: `auto` keeps it on a GPU and computes in f32 on the
    /// CPU, where half precision is slower and less exact.
    ///
    /// # Errors
    /// A device that was not built in or does not answer; `auto` falls back to the CPU instead.
    pub fn choose(device: DevicePreference, dtype: DtypePreference, own: DType) -> Result<Self, EngineError> {
        let device = match device {
            DevicePreference::Cpu => Device::Cpu,
            DevicePreference::Auto => cuda(0).or_else(|_| metal(0)).unwrap_or(Device::Cpu),
            DevicePreference::Cuda(ordinal) => cuda(ordinal)?,
            DevicePreference::Metal(ordinal) => metal(ordinal)?,
        };
        let dtype = match dtype {
            DtypePreference::F32 => DType::F32,
            DtypePreference::F16 => DType::F16,
            DtypePreference::Bf16 => DType::BF16,
            DtypePreference::Auto if device.is_cpu() => DType::F32,
            DtypePreference::Auto => own,
        };
        Ok(Self { device, dtype })
    }

    /// "CPU", "CUDA 0".
    pub fn device_label(&self) -> String {
        match self.device.location() {
            candle_core::DeviceLocation::Cpu => "CPU".to_owned(),
            candle_core::DeviceLocation::Cuda { gpu_id } => format!("CUDA {gpu_id}"),
            candle_core::DeviceLocation::Metal { gpu_id } => format!("Metal {gpu_id}"),
        }
    }

    /// "f32".
    pub fn dtype_label(&self) -> &'static str {
        self.dtype.as_str()
    }
}

fn cuda(ordinal: usize) -> Result<Device, EngineError> {
    if cfg!(feature = "cuda") {
        Device::new_cuda(ordinal).map_err(|err| EngineError::device("a CUDA device", ordinal, &err))
    } else {
        Err(EngineError::NotBuilt { device: "CUDA", feature: "cuda" })
    }
}

fn metal(ordinal: usize) -> Result<Device, EngineError> {
    if cfg!(feature = "metal") {
        Device::new_metal(ordinal).map_err(|err| EngineError::device("a Metal device", ordinal, &err))
    } else {
        Err(EngineError::NotBuilt { device: "Metal", feature: "metal" })
    }
}

impl std::str::FromStr for DevicePreference {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, ordinal) = match text.split_once(':') {
            Some((name, ordinal)) => (name, ordinal.parse::<usize>().ok()),
            None => (text, Some(0)),
        };
        match (name, ordinal) {
            ("auto", Some(_)) if text == "auto" => Ok(Self::Auto),
            ("cpu", Some(_)) if text == "cpu" => Ok(Self::Cpu),
            ("cuda", Some(ordinal)) => Ok(Self::Cuda(ordinal)),
            ("metal", Some(ordinal)) => Ok(Self::Metal(ordinal)),
            _ => Err("expected auto, cpu, cuda, cuda:N, metal or metal:N".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_parse_by_name_and_number() {
        let parsed: Vec<_> = ["auto", "cpu", "cuda", "cuda:2", "metal:1", "gpu", "cpu:0", "cuda:x", "cuda:-1", ""]
            .map(|text| text.parse::<DevicePreference>().ok())
            .to_vec();
        let expected = [
            Some(DevicePreference::Auto),
            Some(DevicePreference::Cpu),
            Some(DevicePreference::Cuda(0)),
            Some(DevicePreference::Cuda(2)),
            Some(DevicePreference::Metal(1)),
            None,
            None,
            None,
            None,
            None,
        ];
        assert_eq!(parsed, expected, "only the documented spellings");
    }

    #[test]
    fn the_cpu_computes_in_f32_unless_told_otherwise() {
        let place = |dtype| Place::choose(DevicePreference::Cpu, dtype, DType::F16).expect("there is always a CPU");
        assert_eq!(place(DtypePreference::Auto).dtype, DType::F32, "auto");
        assert_eq!(place(DtypePreference::Bf16).dtype, DType::BF16, "as asked");
        assert_eq!(place(DtypePreference::Auto).device_label(), "CPU", "the label people see");
    }

    #[cfg(not(any(feature = "cuda", feature = "metal")))]
    #[test]
    fn a_device_that_was_not_built_says_how_to_build_it() {
        for (device, flag) in
            [(DevicePreference::Cuda(0), "--features cuda"), (DevicePreference::Metal(0), "--features metal")]
        {
            let error = Place::choose(device, DtypePreference::Auto, DType::F32).expect_err("not built in");
            assert!(error.to_string().contains(flag), "{error}");
        }
        let auto = Place::choose(DevicePreference::Auto, DtypePreference::Auto, DType::F32).expect("falls back");
        assert!(auto.device.is_cpu(), "auto takes what there is");
    }
}
