using TorchSharp.Native;

namespace TorchSharp;

public static unsafe partial class torch
{
    /// <summary>PyTorch's <c>torch.linalg</c>.</summary>
    public static class linalg
    {
        /// <summary>Eigenvalues in ascending order and eigenvectors (columns) of a symmetric matrix, or of a batch.</summary>
        /// <param name="input">[..., n, n].</param>
        /// <param name="UPLO">Which triangle is read: 'L' or 'U'.</param>
        public static (Tensor, Tensor) eigh(Tensor input, char UPLO = 'L') => Aten.linalg_eigh.CallPair(input, UPLO.ToString());
    }
}
