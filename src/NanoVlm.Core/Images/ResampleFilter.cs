namespace NanoVlm.Images;

/// <summary>How a picture is resampled. The numbers are Pillow's, as <c>resample</c> in preprocessor_config.json has them.</summary>
public enum ResampleFilter
{
    /// <summary>The nearest pixel.</summary>
    Nearest = 0,

    /// <summary>A sinc windowed by a wider sinc; support 3.</summary>
    Lanczos = 1,

    /// <summary>A triangle; support 1.</summary>
    Bilinear = 2,

    /// <summary>Keys' cubic with a = -0.5; support 2.</summary>
    Bicubic = 3,

    /// <summary>The mean of the covered pixels; support 0.5.</summary>
    Box = 4,

    /// <summary>A sinc windowed by Hamming's window; support 1.</summary>
    Hamming = 5,
}
