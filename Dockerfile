# syntax=docker/dockerfile:1
# Two images from one file: `--target api` is small and never holds torch; `--target worker` reads subject models.
FROM python:3.11-slim AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
    AUTOINTERP_DATA_DIR=/data
RUN useradd --create-home --uid 10001 autointerp && install -d -o autointerp -g autointerp /data
WORKDIR /srv/autointerp
COPY constraints.txt pyproject.toml README.md ./
COPY prompts ./prompts
COPY migrations ./migrations
COPY autointerp ./autointerp

FROM base AS api
RUN pip install -c constraints.txt '.[traces]'
USER autointerp
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/ready', timeout=2)"]
ENTRYPOINT ["autointerp"]
CMD ["serve", "--api-only", "--host", "0.0.0.0"]

FROM base AS worker
ENV HF_HOME=/data/huggingface
# The plain index gives CUDA builds of torch; a worker without a GPU takes the CPU build with
# `--build-arg TORCH_INDEX=https://download.pytorch.org/whl/cpu`.
ARG TORCH_INDEX=https://pypi.org/simple
RUN pip install -c constraints.txt --extra-index-url "$TORCH_INDEX" '.[models,demo,traces]'
USER autointerp
VOLUME /data
EXPOSE 9100
ENTRYPOINT ["autointerp"]
CMD ["worker"]
