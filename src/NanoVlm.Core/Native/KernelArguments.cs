using System.Runtime.InteropServices;

namespace NanoVlm.Native;

// The structures of native/nanovlm_kernels.h, field by field; the header says what each means. Fields left out are zero, which is "none".

/// <summary>How elements are stored; arithmetic is float32 in either.</summary>
internal enum ElementType { Float32 = 0, BFloat16 = 1 }

/// <summary>Where kernels get threads: the address of libtorch's <c>torch_parallel_for</c> and how many it has, or zero.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct KernelThreads
{
    public nint ParallelFor;
    public long Count;
}

/// <summary>C [M, N] = A [M, K] B [K, N] + bias, or + C.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ProductArguments
{
    public long M, N, K;
    public nint A;
    public long ARow, AColumn;
    public nint B;
    public long BRow, BColumn;
    public nint C;
    public long CRow;
    public nint Bias;
    public ElementType AType, BType, CType;
    public int Accumulate;
}

/// <summary>RMS norm or layer norm of rows, alone or after a residual addition, forward and backward.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NormArguments
{
    public long Rows, Dim;
    public nint X;
    public long XRow;
    public nint Weight, Bias;
    public nint Y;
    public nint Mean, Inverse;

    public nint Branch, BranchScale;
    public nint Sum;

    public nint GradY, GradX, GradWeight, GradBias;
    public nint GradSum, GradBranch, GradBranchScale;

    public float Epsilon;
    public int AddOne;
    public ElementType XType, YType, BranchType;
    private readonly int reserved;
}

/// <summary>Where [batch, tokens, heads, dim] lies: any strides, but unit dim stride.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct HeadsPointer
{
    public nint Data;
    public long Batch, Token, Head;
}

/// <summary>Rotary embedding of [Batch, Tokens, Heads, Dim], or its transpose.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RotaryArguments
{
    public long Batch, Tokens, Heads, Dim;
    public HeadsPointer X, Y;
    public nint Cos, Sin;
    public long AngleBatch;
    public ElementType Type;
    public int Backward;
}

/// <summary>Masked attention with grouped queries, forward and backward.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct AttentionArguments
{
    public long Batch, Tokens, KeyTokens, Heads, Groups, Dim;
    public HeadsPointer Q, K, V;
    public nint KeyMask, Documents, Positions, Spans;
    public long Window;
    public HeadsPointer Out;
    public nint LogSum;

    public HeadsPointer GradOut, GradQ, GradK, GradV;

    public float Scale;
    public ElementType Type;
    public int Causal;
    private readonly int reserved;
}

/// <summary>Attention of one new token a row to cached keys and values.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CachedAttentionArguments
{
    public long Batch, Heads, Groups, Dim, CacheRows, Slots;
    public nint Q, K, V;
    public nint Keys, Values;
    public nint Rows, Lengths;
    public nint Out;
    public float Scale;
    public ElementType Type;
}

/// <summary>A parameter as AdamW sees it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ParameterArguments
{
    public long Size;
    public nint Value, Gradient;
    public nint Average, AverageSquare;
    public ElementType AverageType;
    private readonly int reserved;
}

/// <summary>What one AdamW step does to every parameter of a list.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct AdamWArguments
{
    public double LearningRate, Beta1, Beta2, Epsilon, WeightDecay, GradScale;
    public long Step;
}

/// <summary>Contiguous elements.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ArrayArguments
{
    public long Size;
    public nint Data;
    public ElementType Type;
    private readonly int reserved;
}
