// RMS norm and layer norm of rows, and the residual additions around them.

// The weight is weight + offset: 0, or 1 where the stored weight is the distance from one.
template <class X, class Y>
static void norm(int64_t rows, int64_t d, int64_t x_row, const void* x, const float* weight, float offset, const float* bias, float eps,
                 void* y, float* mean, float* inverse) {
    const float count = 1.0f / (float)d;
    for (int64_t r = 0; r < rows; r++) {
        const X* from = (const X*)x + r * x_row;
        Y* to = (Y*)y + r * d;
        float m = 0;
        if (mean) {
            F total = F{};
            for_lanes(d, [&](int64_t i, auto lanes) { total += lanes.load(from + i); });
            m = sum(total) * count;
            mean[r] = m;
        }
        F squares = F{};
        int64_t i = 0;
        for (; i + W <= d; i += W) {
            const F c = load(from + i) - m;
            squares += c * c;
        }
        float rest = 0;
        for (; i < d; i++) rest += (scalar(from[i]) - m) * (scalar(from[i]) - m);
        const float inv = 1.0f / __builtin_sqrtf((sum(squares) + rest) * count + eps);
        inverse[r] = inv;
        for_lanes(d, [&](int64_t j, auto lanes) {
            F v = (lanes.load(from + j) - m) * inv * (lanes.load(weight + j) + offset);
            if (bias) v += lanes.load(bias + j);
            lanes.store(to + j, v);
        });
    }
}

// dx = add + inverse (g - mean(g) - xhat mean(g xhat)), g = grad weight; RMS norm has no mean(g). dx may be add.
template <class X, class Y>
static void norm_backward(int64_t rows, int64_t d, int64_t x_row, const void* x, const float* weight, float offset, const float* mean,
                          const float* inverse, const void* grad, const float* add, void* grad_x, float* grad_weight, float* grad_bias) {
    const float count = 1.0f / (float)d;
    for (int64_t r = 0; r < rows; r++) {
        const X* from = (const X*)x + r * x_row;
        const Y* dy = (const Y*)grad + r * d;
        X* dx = (X*)grad_x + r * d;
        const float m = mean ? mean[r] : 0, inv = inverse[r];
        F with_x = F{}, alone = F{};
        for_lanes(d, [&](int64_t i, auto lanes) {
            const F g = lanes.load(dy + i), xhat = (lanes.load(from + i) - m) * inv, gw = g * (lanes.load(weight + i) + offset);
            with_x += gw * xhat;
            alone += gw;
            lanes.store(grad_weight + i, lanes.load(grad_weight + i) + g * xhat);
            if (grad_bias) lanes.store(grad_bias + i, lanes.load(grad_bias + i) + g);
        });
        const float a = sum(with_x) * count, b = mean ? sum(alone) * count : 0;
        for_lanes(d, [&](int64_t i, auto lanes) {
            const F xhat = (lanes.load(from + i) - m) * inv;
            F v = (lanes.load(dy + i) * (lanes.load(weight + i) + offset) - b - xhat * a) * inv;
            if (add) v += lanes.load(add + r * d + i);
            lanes.store(dx + i, v);
        });
    }
}

// out = x + y scale.
template <class T>
static void add_residual(int64_t rows, int64_t d, int64_t x_row, const float* x, const void* y, const float* scale, float* out) {
    for (int64_t r = 0; r < rows; r++) {
        const float* from = x + r * x_row;
        const T* branch = (const T*)y + r * d;
        float* to = out + r * d;
        if (scale)
            for_lanes(d, [&](int64_t i, auto lanes) {
                lanes.store(to + i, lanes.load(from + i) + lanes.load(branch + i) * lanes.load(scale + i));
            });
        else
            for_lanes(d, [&](int64_t i, auto lanes) { lanes.store(to + i, lanes.load(from + i) + lanes.load(branch + i)); });
    }
}

// grad_y = grad scale; grad_scale, where wanted, is added to.
template <class T>
static void add_residual_backward(int64_t rows, int64_t d, const float* grad, const void* y, const float* scale, void* grad_y,
                                  float* grad_scale) {
    for (int64_t r = 0; r < rows; r++) {
        const float* from = grad + r * d;
        const T* branch = (const T*)y + r * d;
        T* to = (T*)grad_y + r * d;
        for_lanes(d, [&](int64_t i, auto lanes) {
            const F g = lanes.load(from + i);
            if (grad_scale) lanes.store(grad_scale + i, lanes.load(grad_scale + i) + g * lanes.load(branch + i));
            if (grad_y) lanes.store(to + i, scale ? g * lanes.load(scale + i) : g);
        });
    }
}
