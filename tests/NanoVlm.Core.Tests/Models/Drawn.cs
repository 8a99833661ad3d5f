using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Models;

/// <summary>Fills tensors at random. TorchSharp's <c>nn.init.normal_</c> does not heed its generator; a tensor's own method does.</summary>
internal static class Drawn
{
    public static void Normal(Tensor tensor, double mean, double deviation, Generator generator)
    {
        using var mode = no_grad();
        tensor.normal_(mean, deviation, generator);
    }
}
