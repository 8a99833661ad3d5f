using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using TorchSharp.Native;
using static TorchSharp.torch;

namespace TorchSharp.Tests;

[Collection(TensorTests.Name)]
public sealed partial class ContractTests
{
    private static readonly string Root = FindRoot();
    private static readonly string Header = File.ReadAllText(Path.Combine(Root, "native", "include", "nanovlm.h"));

    [Fact]
    public void The_public_surface_is_the_approved_one() =>
        PublicApi.AssertApproved(typeof(torch).Assembly, Path.Combine(Root, "tests", "NanoVlm.Torch.Tests", "PublicApi.approved.txt"));

    [Fact]
    public void Tags_have_the_numbers_of_the_header()
    {
        var declared = Tags().Matches(Header).ToDictionary(match => match.Groups[1].Value.Replace("_", ""), match => int.Parse(match.Groups[2].Value), StringComparer.OrdinalIgnoreCase);
        Assert.Equal(12, declared.Count);
        foreach (var tag in Enum.GetValues<Tag>()) Assert.Equal(declared[tag.ToString()], (int)tag);
        Assert.Equal(declared.Count, Enum.GetValues<Tag>().Length);
    }

    [Fact]
    public void A_value_has_the_layout_of_the_header()
    {
        // Two 32-bit fields, then a union of 64-bit ones: laid out by C's rules.
        var body = Structure().Match(Header).Groups[1].Value;
        var offset = 0;
        var offsets = new Dictionary<string, int>();
        var (outer, union) = (body[..body.IndexOf("union", StringComparison.Ordinal)], body[body.IndexOf("union", StringComparison.Ordinal)..]);
        foreach (Match field in Fields().Matches(outer))
        {
            Assert.Equal("int32_t", field.Groups[1].Value);
            offsets[field.Groups[2].Value] = offset;
            offset += 4;
        }
        foreach (Match field in Fields().Matches(union)) offsets[field.Groups[2].Value] = (offset + 7) / 8 * 8;
        Assert.Equal(5, offsets.Count);
        foreach (var (name, expected) in offsets)
            Assert.Equal(expected, (int)Marshal.OffsetOf<NativeValue>(char.ToUpperInvariant(name[0]) + name[1..]));
        Assert.Equal((offset + 7) / 8 * 8 + 8, Marshal.SizeOf<NativeValue>());
    }

    [Fact]
    public void Every_function_of_the_header_is_declared_with_as_many_parameters()
    {
        var declared = Functions().Matches(Comments().Replace(Header, "")).ToDictionary(match => match.Groups[1].Value, match => Parameters(match.Groups[2].Value));
        var bound = typeof(NativeMethods).GetMethods(BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public)
            .Where(method => method.Name.StartsWith("nvlm_", StringComparison.Ordinal)).ToDictionary(method => method.Name, method => method.GetParameters().Length);
        Assert.True(declared.Count > 50, $"only {declared.Count} functions were found");
        foreach (var (name, count) in bound) Assert.Equal((name, declared.GetValueOrDefault(name, -1)), (name, count));

        static int Parameters(string list)
        {
            list = Callbacks().Replace(list, "callback");
            return list.Trim() is "void" or "" ? 0 : list.Split(',').Length;
        }
    }

    [Fact]
    public void The_process_describes_and_sets_its_libtorch()
    {
        Assert.Matches(@"^\d+\.\d+", __version__);
        Assert.Contains("PyTorch", build_description());
        Assert.Contains("threads", thread_description(), StringComparison.OrdinalIgnoreCase);
        var threads = get_num_threads();
        set_num_threads(1);
        Assert.Equal(1, get_num_threads());
        set_num_threads(threads);
        Assert.True(get_num_interop_threads() > 0);
        Assert.False(cuda.is_available() && cuda.device_count() == 0);
        Assert.Equal(ScalarType.Float32, get_default_dtype());
        set_default_dtype(float64);
        using (var x = zeros(1)) Assert.Equal(ScalarType.Float64, x.dtype);
        set_default_dtype(float32);
        var tf32 = backends.cuda.matmul.allow_tf32;
        backends.cuda.matmul.allow_tf32 = true;
        Assert.True(backends.cuda.matmul.allow_tf32);
        backends.cuda.matmul.allow_tf32 = tf32;
        Assert.Equal((8.0, "cuda:1", "cpu"), (Math.Log2(1 / finfo(bfloat16).eps) + 1, device("cuda:1").ToString(), CPU.ToString()));
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "NanoVlm.sln"))) folder = folder.Parent;
        return folder?.FullName ?? throw new DirectoryNotFoundException($"NanoVlm.sln is in no folder above {AppContext.BaseDirectory}");
    }

    [GeneratedRegex(@"NVLM_(\w+)\s*=\s*(\d+)")]
    private static partial Regex Tags();

    [GeneratedRegex(@"typedef struct nvlm_value \{(.*?)\} nvlm_value;", RegexOptions.Singleline)]
    private static partial Regex Structure();

    [GeneratedRegex(@"(int32_t|int64_t|double|void \*)\s*(\w+);")]
    private static partial Regex Fields();

    [GeneratedRegex(@"NVLM_API [^;(]*?(nvlm_\w+)\(([^;]*)\);")]
    private static partial Regex Functions();

    [GeneratedRegex(@"void \(\*release\)\(void \*\)")]
    private static partial Regex Callbacks();

    [GeneratedRegex(@"/\*.*?\*/", RegexOptions.Singleline)]
    private static partial Regex Comments();
}
