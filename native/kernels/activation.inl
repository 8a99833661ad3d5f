// GELU and SwiGLU.

// gelu_tanh(x) = x (1 + tanh(u)) / 2 = x sigmoid(2u), u = sqrt(2 / pi) (x + 0.044715 x^3): no cancellation for negative x.
constexpr float kGelu = 1.5957691216057308f;  // 2 sqrt(2 / pi)
constexpr float kCubic = 0.044715f;

template <class T>
static void gelu(int64_t n, const void* x, void* y) {
    for_lanes(n, [&](int64_t i, auto lanes) {
        const F v = lanes.load((const T*)x + i);
        lanes.store((T*)y + i, v * sigmoid(v * (v * v * (kGelu * kCubic) + kGelu)));
    });
}

template <class T>
static void gelu_backward(int64_t n, const void* x, const void* grad, void* grad_x) {
    for_lanes(n, [&](int64_t i, auto lanes) {
        const F v = lanes.load((const T*)x + i), square = v * v;
        const F s = sigmoid(v * (square * (kGelu * kCubic) + kGelu));
        const F slope = s + v * s * (1.0f - s) * (square * (3 * kGelu * kCubic) + kGelu);
        lanes.store((T*)grad_x + i, lanes.load((const T*)grad + i) * slope);
    });
}

template <class T>
static void swiglu(int64_t n, const void* gate, const void* up, void* y) {
    for_lanes(n, [&](int64_t i, auto lanes) {
        const F g = lanes.load((const T*)gate + i);
        lanes.store((T*)y + i, g * sigmoid(g) * lanes.load((const T*)up + i));
    });
}

template <class T>
static void swiglu_backward(int64_t n, const void* gate, const void* up, const void* grad, void* grad_gate, void* grad_up) {
    for_lanes(n, [&](int64_t i, auto lanes) {
        const F g = lanes.load((const T*)gate + i), d = lanes.load((const T*)grad + i), s = sigmoid(g);
        const F u = lanes.load((const T*)up + i);
        lanes.store((T*)grad_up + i, d * g * s);
        lanes.store((T*)grad_gate + i, d * u * s * (g * (1.0f - s) + 1.0f));
    });
}
