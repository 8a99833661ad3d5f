namespace TorchSharp;

/// <summary>Where a tensor's memory is; the numbers are libtorch's.</summary>
public enum DeviceType
{
    /// <summary>Main memory.</summary>
    CPU = 0,
    /// <summary>An NVIDIA GPU.</summary>
    CUDA = 1,
    /// <summary>oneDNN's opaque layouts.</summary>
    MKLDNN = 2,
    /// <summary>An Apple GPU.</summary>
    MPS = 13,
    /// <summary>Shapes without memory.</summary>
    META = 14,
}
