void multiply(const double *a, const double *b, double *c) {
    for (int i = 0; i < 32; i++)
        for (int j = 0; j < 32; j++) {
            double s = 0;
            for (int k = 0; k < 32; k++) s += a[i * 32 + k] * b[k * 32 + j];
            c[i * 32 + j] = s;
        }
}
