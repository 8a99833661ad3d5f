using NanoVlm.Data;

namespace NanoVlm.Bench;

/// <summary>
/// Lengths and image counts as visual instruction sets have them (FineVision, the_cauldron): log-normal lengths with a median of 300 tokens and
/// one in two hundred above 3,000, none above 4,000; mostly one image, a tenth text alone, a few of up to eight.
/// </summary>
internal static class LengthMix
{
    internal static (int Tokens, int Images)[] Make(int seed, int count)
    {
        var mix = new (int, int)[count];
        for (int i = 0; i < count; i++)
        {
            var random = new RandomStream(seed, i);
            int tokens;
            do tokens = (int)Math.Round(300 * Math.Exp(0.9 * Normal(ref random)));
            while (tokens is < 16 or > 4000);
            mix[i] = (tokens, random.Unit() switch { < 0.1 => 0, < 0.85 => 1, < 0.95 => 2, _ => 3 + random.Below(6) });
        }
        return mix;
    }

    private static double Normal(ref RandomStream random) => Math.Sqrt(-2 * Math.Log(1 - random.Unit())) * Math.Cos(2 * Math.PI * random.Unit());
}
