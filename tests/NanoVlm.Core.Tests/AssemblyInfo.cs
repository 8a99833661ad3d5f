// One test at a time. A collection that another thread starts can free what TorchSharp still reads: the scalar of `x + 2`, or a tensor that no
// dispose scope holds. The library guards itself (Native/Scalars.cs); tests are written plainly. Operators use the other processors.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
